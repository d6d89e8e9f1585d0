/**
 * Packages that the build puts into `dist`, so that users install none of them. Each is imported by one file,
 * like every other.
 */
export const BUNDLED: readonly string[] = ["leven", "valibot"];
