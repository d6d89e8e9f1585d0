/** What the shared AWS files say. */
export interface AwsTexts {
  readonly credentials?: string | undefined;
  readonly config?: string | undefined;
}

/** The keys of a profile. */
export type ProfileSection = ReadonlyMap<string, string>;

/**
 * Collects the settings of a profile that errors and the region need: `[name]` in the credentials file,
 * `[profile name]` or `[default]` in the configuration file. The credentials file takes precedence. For
 * everything else the AWS SDK reads the files itself.
 *
 * @returns nothing if no file has the profile
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
   * After a key with an empty value, indented lines belong to that key, not to the profile.
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
