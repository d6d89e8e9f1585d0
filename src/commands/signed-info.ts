// The form of Nix: https://nix.dev/manual/nix/latest/store/signatures.

/** What is signed of a store path. */
export interface SignedInfo {
  /** Hash of the NAR: `sha256:` in base 32 or 16, or `sha256-` in base 64. */
  readonly narHash?: string | undefined;
  /** Size of the NAR in bytes. */
  readonly narSize?: number | undefined;
  /** The paths that it refers to, whole or as base names. */
  readonly references?: readonly string[] | undefined;
  /** `name:` and 64 bytes in base 64 each. */
  readonly signatures: readonly string[];
}
