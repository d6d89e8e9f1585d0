import { promisify } from "node:util";
import type { FileEncoding } from "../commands/staging.ts";
import { lateImport } from "../core/late-import.ts";

const loadZlib = lateImport(() => import("node:zlib"));

/** Compresses an object. */
export async function encodeContent(content: Uint8Array, encoding: FileEncoding): Promise<Uint8Array> {
  const zlib = await loadZlib();
  return promisify(encoding === "br" ? zlib.brotliCompress : zlib.gzip)(content);
}

/**
 * Decompresses an answer by its header (https://www.rfc-editor.org/rfc/rfc9110#field.content-encoding).
 *
 * @param maxBytes - longest content
 * @returns nothing if it cannot be read, or is longer
 */
export async function decodeContent(
  body: Uint8Array,
  said: string | undefined,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const encoding = said?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return body;
  const zlib = await loadZlib();
  const decoders: Readonly<Record<string, typeof zlib.gunzip>> = {
    gzip: zlib.gunzip,
    "x-gzip": zlib.gunzip,
    br: zlib.brotliDecompress,
  };
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (decode === undefined) return undefined;
  return new Promise((resolve) => {
    decode(body, { maxOutputLength: maxBytes }, (error, content) =>
      resolve(error === null ? content : undefined),
    );
  });
}
