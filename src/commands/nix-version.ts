import { type CommandSpec, privateHome } from "./command.ts";

/** A version of Nix or of one of its forks. */
export interface NixVersion {
  /** Its name, such as `Nix`, `Determinate Nix` or `Lix`. */
  readonly name: string;
  readonly major: number;
  readonly minor: number;
}

/** Builds the command that prints the version of Nix. */
export function buildNixVersionCommand(): CommandSpec {
  return { file: "nix", args: ["--version"], env: privateHome(), files: [] };
}

/**
 * Reads what `nix --version` prints, as in `nix (Nix) 2.34.8`, `nix (Determinate Nix 3.6.2) 2.29.0` or
 * `nix (Lix, like Nix) 2.91.0`.
 *
 * @returns nothing if it is not a version
 */
export function parseNixVersion(text: string): NixVersion | undefined {
  const [, name, major, minor] = /^nix \(([A-Za-z ]+)[^)\n]*\) (\d{1,4})\.(\d{1,4})/u.exec(text) ?? [];
  if (name === undefined) return undefined;
  return { name: name.trim(), major: Number(major), minor: Number(minor) };
}

/**
 * Whether a version has what Nix has since some version. Lix has its own versions; it forked from Nix 2.18.
 */
export function hasNixSince(
  { name, major, minor }: NixVersion,
  sinceMajor: number,
  sinceMinor: number,
): boolean {
  if (name === "Lix") return hasNixSince({ name: "Nix", major: 2, minor: 18 }, sinceMajor, sinceMinor);
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}
