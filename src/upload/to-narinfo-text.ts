import type { Narinfo } from "../binary-cache/narinfo.ts";
import { toBase32Hash } from "../binary-cache/path-signature.ts";
import { DEFAULT_STORE_DIRECTORY, type StorePathOptions } from "../commands/store-path.ts";

/** The forms of a deriver and of a content address; others are left out. */
const DERIVER = /^[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+._?=-]{1,211}\.drv$/u;
const CONTENT_ADDRESS = /^(?:text|fixed|recursive)[A-Za-z0-9:+/=-]{1,256}$/u;
/** A key's name and 64 bytes in base 64. */
const SIGNATURE = /^[^:\s]{1,128}:[A-Za-z0-9+/]{86}==$/u;

/** The file of a narinfo. */
export interface NarFile {
  /** SHA-256 in base 32. */
  readonly fileHash: string;
  /** Size in bytes. */
  readonly fileSize: number;
}

/**
 * Writes a new narinfo from parsed values, so that no unchecked text of another cache is passed on.
 */
export function toNarinfoText(
  { storePath, url, compression, narHash, narSize, references, ...said }: Narinfo,
  { fileHash, fileSize }: NarFile,
  { storeDirectory = DEFAULT_STORE_DIRECTORY }: StorePathOptions,
): Uint8Array {
  const names = references.map((name) =>
    name.slice(name.startsWith(storeDirectory) ? storeDirectory.length + 1 : 0),
  );
  const { deriver = "", contentAddress = "", signatures } = said;
  const lines = [
    `StorePath: ${storePath}`,
    `URL: ${url}`,
    `Compression: ${compression}`,
    `FileHash: sha256:${fileHash}`,
    `FileSize: ${fileSize}`,
    `NarHash: sha256:${toBase32Hash(narHash)}`,
    `NarSize: ${narSize}`,
    `References: ${names.join(" ")}`,
    ...(DERIVER.test(deriver) ? [`Deriver: ${deriver}`] : []),
    ...signatures.filter((one) => SIGNATURE.test(one)).map((one) => `Sig: ${one}`),
    ...(CONTENT_ADDRESS.test(contentAddress) ? [`CA: ${contentAddress}`] : []),
  ];
  return Buffer.from(`${lines.join("\n")}\n`);
}
