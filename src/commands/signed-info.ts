// The form of Nix: https://nix.dev/manual/nix/latest/store/signatures.

/** The signed information about a store path. */
export interface SignedInfo {
  /** Hash of the NAR: `sha256:` in base 32 or 16, or `sha256-` in base 64. */
  readonly narHash?: string | undefined;
  /** Size of the NAR in bytes. */
  readonly narSize?: number | undefined;
  /** Its references, as full paths or base names. */
  readonly references?: readonly string[] | undefined;
  /** Each is `name:` and 64 bytes in base 64. */
  readonly signatures: readonly string[];
}
