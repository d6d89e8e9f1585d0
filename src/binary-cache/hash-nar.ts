import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Transform } from "node:stream";
import { lateImport } from "../core/late-import.ts";
import { decodeXz } from "./xz-decoder.ts";
import { decodeZstd } from "./zstd-decoder.ts";

const loadZlib = lateImport(() => import("node:zlib"));

/** How a NAR in a cache may be compressed, as a narinfo says it, with the end of its file's name. */
export const NAR_SUFFIXES: Readonly<Record<string, string>> = {
  none: ".nar",
  xz: ".nar.xz",
  zstd: ".nar.zst",
  gzip: ".nar.gz",
  br: ".nar.br",
};

/** What a file with a NAR holds. */
export interface NarHashes {
  /** SHA-256 of the file. */
  readonly fileSha256: Buffer;
  /** Size of the file in bytes. */
  readonly fileSize: number;
  /** SHA-256 of the NAR. */
  readonly narSha256: Buffer;
  /** Size of the NAR in bytes; more than the bound where it is larger. */
  readonly narSize: number;
}

/**
 * Reads a file with a NAR, and hashes both. A NAR that is larger than it should be is not read to its end.
 *
 * @param compression - a key of {@link NAR_SUFFIXES}
 * @param maxBytes - how large the NAR should be
 * @throws Error where the file cannot be decompressed
 */
export async function hashNar(path: string, compression: string, maxBytes: number): Promise<NarHashes> {
  const [file, nar] = [createHash("sha256"), createHash("sha256")];
  let [fileSize, narSize] = [0, 0];
  const source = createReadStream(path, { highWaterMark: 256 * 1024 });
  async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of source) {
      file.update(piece);
      fileSize += piece.length;
      yield piece;
    }
  }
  try {
    for await (const piece of await decode(pieces(), compression)) {
      narSize += piece.length;
      if (narSize > maxBytes) break;
      nar.update(piece);
    }
    return { fileSha256: file.digest(), fileSize, narSha256: nar.digest(), narSize };
  } finally {
    source.destroy();
  }
}

async function decode(
  pieces: AsyncGenerator<Uint8Array, void, void>,
  compression: string,
): Promise<AsyncIterable<Uint8Array>> {
  switch (compression) {
    case "none":
      return pieces;
    case "zstd":
      return decodeZstd(pieces);
    case "xz":
      return decodeXz(pieces);
    case "gzip":
    case "br": {
      const zlib = await loadZlib();
      return decodeByStream(
        pieces,
        compression === "br" ? zlib.createBrotliDecompress() : zlib.createGunzip(),
      );
    }
    default:
      throw new Error("the compression is not known");
  }
}

async function* decodeByStream(
  pieces: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array, void, void> {
  const { Readable } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const feeding = pipeline(Readable.from(pieces), decoder);
  feeding.catch(() => undefined);
  yield* decoder;
  await feeding;
}
