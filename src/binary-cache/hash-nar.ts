import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import zlib from "node:zlib";
import { decodeXz } from "./xz-decoder.ts";

/** Compressions of a NAR, as in a narinfo, with the suffix of the file name. */
export const NAR_SUFFIXES: Readonly<Record<string, string>> = {
  none: ".nar",
  xz: ".nar.xz",
  zstd: ".nar.zst",
  gzip: ".nar.gz",
  br: ".nar.br",
};

/** How much is decompressed before other tasks get their turn, in bytes. */
const TURN_BYTES = 1024 * 1024;

/**
 * The decompressor of newer versions of Node.js. It accepts windows of at most 128 MiB, as the program `zstd`
 * does.
 */
interface ZlibWithZstd {
  createZstdDecompress(): Transform;
}

function hasZstd(library: object): library is ZlibWithZstd {
  return "createZstdDecompress" in library;
}

/** Hashes and sizes of a file with a NAR. */
export interface NarHashes {
  /** SHA-256 of the file. */
  readonly fileSha256: Buffer;
  /** Size of the file in bytes. */
  readonly fileSize: number;
  /** SHA-256 of the NAR. */
  readonly narSha256: Buffer;
  /** Size of the NAR in bytes; more than the expected size if it is larger. */
  readonly narSize: number;
}

/** How a NAR is read. */
export interface HashNarOptions {
  /** A key of {@link NAR_SUFFIXES}. */
  readonly compression: string;
  /** The expected size of the NAR. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a file with a NAR and hashes both. A NAR that is larger than expected is not read to its end.
 *
 * @throws Error if the file cannot be decompressed; the signal's reason
 */
export async function hashNar(path: string, options: HashNarOptions): Promise<NarHashes> {
  const { compression, maxBytes, signal } = options;
  const [file, nar] = [createHash("sha256"), createHash("sha256")];
  let [fileSize, narSize, turn] = [0, 0, 0];
  const source = createReadStream(path, { highWaterMark: 64 * 1024 });
  async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of source) {
      file.update(piece);
      fileSize += piece.length;
      yield piece;
    }
  }
  try {
    for await (const piece of decode(pieces(), compression)) {
      signal.throwIfAborted();
      narSize += piece.length;
      if (narSize > maxBytes) break;
      nar.update(piece);
      turn += piece.length;
      if (turn < TURN_BYTES) continue;
      turn = 0;
      await setImmediate();
    }
    return { fileSha256: file.digest(), fileSize, narSha256: nar.digest(), narSize };
  } finally {
    source.destroy();
  }
}

/** Whether this Node.js can decompress a NAR: Zstandard came with 22.15. */
export function canDecode(compression: string): boolean {
  return compression !== "zstd" || hasZstd(zlib);
}

function decode(
  pieces: AsyncGenerator<Uint8Array, void, void>,
  compression: string,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case "none":
      return pieces;
    case "xz":
      return decodeXz(pieces);
    case "zstd":
      if (!hasZstd(zlib)) throw new Error("this Node.js has no Zstandard");
      return decodeByStream(pieces, zlib.createZstdDecompress());
    case "gzip":
      return decodeByStream(pieces, zlib.createGunzip());
    case "br":
      return decodeByStream(pieces, zlib.createBrotliDecompress());
    default:
      throw new Error("the compression is not known");
  }
}

async function* decodeByStream(
  pieces: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array, void, void> {
  const feeding = pipeline(Readable.from(pieces), decoder);
  feeding.catch(() => undefined);
  yield* decoder;
  await feeding;
}
