/** What a narinfo says of a path, as far as an upload needs it. */
export interface Narinfo {
  readonly storePath: string;
  /** Where its NAR is, relative to the cache. */
  readonly url: string;
  /** Hash of the NAR, as it is written. */
  readonly narHash: string;
  /** SHA-256 of the compressed NAR in hexadecimal, where it is said. */
  readonly fileSha256?: string | undefined;
  /** Base names of the paths that it refers to. */
  readonly references: readonly string[];
  /** Names of the keys that signed it. */
  readonly signedBy: readonly string[];
}

/**
 * Reads a narinfo (https://nix.dev/manual/nix/latest/protocols/binary-cache/narinfo).
 *
 * @returns nothing for a text that is none
 */
export function parseNarinfo(text: string): Narinfo | undefined {
  const fields = new Map<string, string>();
  const signedBy: string[] = [];
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^([A-Za-z]{1,32}): ?(.*)$/u.exec(line) ?? [];
    if (name === "Sig") signedBy.push(value.split(":")[0] ?? "");
    else if (name !== undefined) fields.set(name, value);
  }
  const [storePath, url, narHash] = ["StorePath", "URL", "NarHash"].map((name) => fields.get(name));
  if (storePath === undefined || url === undefined || url === "" || narHash === undefined) return undefined;
  return {
    storePath,
    url,
    narHash,
    fileSha256: toHex(fields.get("FileHash")),
    references: (fields.get("References") ?? "").split(" ").filter((name) => name !== ""),
    signedBy,
  };
}

const ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz";
const HASH_BYTES = 32;

/** Nix's base 32 begins with the last bits (https://nix.dev/manual/nix/latest/protocols/nix32). */
function toHex(hash: string | undefined): string | undefined {
  const digits = /^sha256:([0-9a-df-np-sv-z]{52})$/u.exec(hash ?? "")?.[1];
  if (digits === undefined) return undefined;
  const bytes = new Uint8Array(HASH_BYTES);
  [...digits].reverse().forEach((digit, place) => {
    const value = ALPHABET.indexOf(digit);
    const [byte, shift] = [Math.floor((place * 5) / 8), (place * 5) % 8];
    bytes[byte] = (bytes[byte] ?? 0) | ((value << shift) & 0xff);
    if (byte + 1 < HASH_BYTES) bytes[byte + 1] = (bytes[byte + 1] ?? 0) | (value >> (8 - shift));
  });
  return Buffer.from(bytes).toString("hex");
}
