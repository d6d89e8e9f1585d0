/**
 * Collects what the shared AWS files say of a profile, as far as errors and the region need it: `[name]` in the
 * credentials file, `[profile name]` or `[default]` in the configuration file. Of a key in both, the credentials file's
 * counts. The AWS SDK reads the files itself for everything else.
 *
 * @returns nothing where no file has the profile
 */
export function readProfileSection(
  profile: string,
  texts: { readonly credentials?: string | undefined; readonly config?: string | undefined },
): ReadonlyMap<string, string> | undefined {
  const config = readSection(
    texts.config,
    (header) => header === `profile ${profile}` || (profile === "default" && header === profile),
  );
  const credentials = readSection(texts.credentials, (header) => header === profile);
  if (config === undefined && credentials === undefined) return undefined;
  return new Map([...(config ?? []), ...(credentials ?? [])]);
}

function readSection(
  text: string | undefined,
  isWanted: (header: string) => boolean,
): ReadonlyMap<string, string> | undefined {
  let found: Map<string, string> | undefined;
  let inside = false;
  for (const line of (text ?? "").split(/\r?\n/u)) {
    const header = /^\s*\[([^\]]*)\]/u.exec(line)?.[1]?.trim().replace(/\s+/gu, " ").replaceAll('"', "");
    if (header !== undefined) {
      inside = isWanted(header);
      if (inside) found ??= new Map();
      continue;
    }
    const [, key, value] = /^\s*([^\s=#;]+)\s*=\s*(.*?)(?:\s[#;].*)?$/u.exec(line) ?? [];
    if (inside && key !== undefined && value !== undefined) found?.set(key, value.trim());
  }
  return found;
}
