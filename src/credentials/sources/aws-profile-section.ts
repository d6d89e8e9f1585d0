/** What the shared AWS files say. */
export interface AwsTexts {
  readonly credentials?: string | undefined;
  readonly config?: string | undefined;
}

/** The keys of a profile. */
export type ProfileSection = ReadonlyMap<string, string>;

/**
 * Collects what the shared AWS files say of a profile, as far as errors and the region need it: `[name]` in
 * the credentials file, `[profile name]` or `[default]` in the configuration file. Of a key in both, the
 * credentials file's counts. The AWS SDK reads the files itself for everything else.
 *
 * @returns nothing where no file has the profile
 */
export function readProfileSection(profile: string, texts: AwsTexts): ProfileSection | undefined {
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
): ProfileSection | undefined {
  let found: Map<string, string> | undefined;
  let inside = false;
  /**
   * Behind a key with nothing after its equals sign, indented lines are keys of that key, and none of the
   * profile.
   */
  let isNesting = false;
  for (const line of (text ?? "").split(/\r?\n/u)) {
    const header = /^\s*\[([^\]]*)\]/u.exec(line)?.[1]?.trim().replace(/\s+/gu, " ").replace(/["']/gu, "");
    if (header !== undefined) {
      inside = isWanted(header);
      isNesting = false;
      if (inside) found ??= new Map();
      continue;
    }
    const [, indent, key, value = ""] = /^(\s*)([^\s=#;]+)\s*=\s*(.*?)(?:\s[#;].*)?$/u.exec(line) ?? [];
    if (key === undefined || (isNesting && indent !== "")) continue;
    isNesting = value.trim() === "";
    if (inside) found?.set(key, value.trim());
  }
  return found;
}
