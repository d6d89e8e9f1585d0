import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Transform } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { lateImport } from "../core/late-import.ts";
import { decodeXz } from "./xz-decoder.ts";

const loadZlib = lateImport(() => import("node:zlib"));
const loadStreams = lateImport(async () => ({
  ...(await import("node:stream")),
  ...(await import("node:stream/promises")),
}));

/** How a NAR in a cache may be compressed, as a narinfo says it, with the end of its file's name. */
export const NAR_SUFFIXES: Readonly<Record<string, string>> = {
  none: ".nar",
  xz: ".nar.xz",
  zstd: ".nar.zst",
  gzip: ".nar.gz",
  br: ".nar.br",
};

/** So much is decompressed before others have their turn, in bytes. */
const TURN_BYTES = 1024 * 1024;

/** What newer versions of Node.js have. It takes windows of 128 MiB at most, as the program `zstd` does. */
interface ZlibWithZstd {
  createZstdDecompress(): Transform;
}

function hasZstd(zlib: object): zlib is ZlibWithZstd {
  return "createZstdDecompress" in zlib;
}

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

/** How a NAR is read. */
export interface HashNarOptions {
  /** A key of {@link NAR_SUFFIXES}. */
  readonly compression: string;
  /** How large the NAR should be. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a file with a NAR, and hashes both. A NAR that is larger than it should be is not read to its end.
 *
 * @throws Error where the file cannot be decompressed; the signal's reason
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
    for await (const piece of await decode(pieces(), compression)) {
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
export async function canDecode(compression: string): Promise<boolean> {
  return compression !== "zstd" || hasZstd((await loadZlib()).default);
}

async function decode(
  pieces: AsyncGenerator<Uint8Array, void, void>,
  compression: string,
): Promise<AsyncIterable<Uint8Array>> {
  if (compression === "none") return pieces;
  if (compression === "xz") return decodeXz(pieces);
  const zlib = await loadZlib();
  switch (compression) {
    case "zstd": {
      const { default: newer } = zlib;
      if (!hasZstd(newer)) throw new Error("this Node.js has no Zstandard");
      return decodeByStream(pieces, newer.createZstdDecompress());
    }
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
  const { Readable, pipeline } = await loadStreams();
  const feeding = pipeline(Readable.from(pieces), decoder);
  feeding.catch(() => undefined);
  yield* decoder;
  await feeding;
}
