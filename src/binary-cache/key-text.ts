// The form of Nix: https://nix.dev/manual/nix/latest/store/signatures.
const KEY = /^([^:\s]{1,128}):([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$/u;

/** Length of a public key, and of a secret key or a signature, in bytes. */
export const PUBLIC_BYTES = 32;
export const SECRET_BYTES = 64;

/** A key or a signature, with the name of its key. */
export interface KeyText {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Reads a name, a colon and some bytes in base 64; nothing for an invalid text. It loads no cryptography.
 */
export function readKeyText(text: string, length: number): KeyText | undefined {
  const [, name = "", base64 = ""] = KEY.exec(text) ?? [];
  const bytes = Buffer.from(base64, "base64");
  return bytes.length === length ? { name, bytes } : undefined;
}
