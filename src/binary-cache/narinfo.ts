import { fromNix32 } from "../core/nix32.ts";

/** The parts of a narinfo that an upload needs. */
export interface Narinfo {
  readonly storePath: string;
  /** Where its NAR is, relative to the cache. */
  readonly url: string;
  /** Hash of the NAR, as written. */
  readonly narHash: string;
  /** SHA-256 of the compressed NAR in hexadecimal, if given. */
  readonly fileSha256?: string | undefined;
  /** Base names of its references. */
  readonly references: readonly string[];
  /** Size of the NAR in bytes, if given. */
  readonly narSize?: number | undefined;
  /** Compression of the NAR; Nix assumes `bzip2` if it is not given. */
  readonly compression: string;
  /** Base name of its derivation, if given. */
  readonly deriver?: string | undefined;
  /** Its content address, if it has one. */
  readonly contentAddress?: string | undefined;
  /** Its signatures, each prefixed with the name of its key. */
  readonly signatures: readonly string[];
}

/**
 * Reads a narinfo (https://nix.dev/manual/nix/latest/protocols/binary-cache/narinfo).
 *
 * @returns nothing for an invalid text
 */
export function parseNarinfo(text: string): Narinfo | undefined {
  const fields = new Map<string, string>();
  const signatures: string[] = [];
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^([A-Za-z]{1,32}): ?(.*)$/u.exec(line) ?? [];
    if (name === "Sig") signatures.push(value);
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
    narSize: toSize(fields.get("NarSize")),
    compression: fields.get("Compression") ?? "bzip2",
    deriver: fields.get("Deriver"),
    contentAddress: fields.get("CA"),
    signatures,
  };
}

function toSize(text: string | undefined): number | undefined {
  return /^\d{1,15}$/u.test(text ?? "") ? Number(text) : undefined;
}

const HASH_BYTES = 32;

function toHex(hash: string | undefined): string | undefined {
  const digits = /^sha256:([0-9a-df-np-sv-z]{52})$/u.exec(hash ?? "")?.[1];
  return digits === undefined ? undefined : Buffer.from(fromNix32(digits, HASH_BYTES)).toString("hex");
}
