import type { FileEncoding } from "../commands/staging.ts";
import type { HttpFileBody } from "../host/http-client.ts";

/** What goes into a binary cache. */
export interface CacheObject {
  readonly contentType: string;
  /** How the content is compressed; default not at all. */
  readonly contentEncoding?: FileEncoding | undefined;
  /** The content itself, or the file that holds it; it is streamed. */
  readonly body: Uint8Array | HttpFileBody;
  /** SHA-256 of the content in hexadecimal, where it is known already. */
  readonly sha256?: string | undefined;
  /**
   * Told how much of a file went out since it was told last, in bytes; less than 0 for what has to be sent
   * again.
   */
  readonly onUploaded?: ((bytes: number) => void) | undefined;
}

/** Options of one question. */
export interface CacheGetOptions {
  readonly signal: AbortSignal;
  /** Upper bound of the answer in bytes, inclusive. */
  readonly maxBytes: number;
}

/** Options of a download. */
export interface CacheDownloadOptions extends CacheGetOptions {
  /** Absolute path of the file; it is made anew. */
  readonly path: string;
}

/**
 * A binary cache: objects by key, as in `HASH.narinfo` and `nar/FILE.nar.zst`. Every method rejects with a
 * {@link CacheAnswerError} for an answer that is neither a success nor "not there", and with the signal's
 * reason on abort.
 */
export interface BinaryCache {
  /** Reads a small object, uncompressed; nothing where there is none, or none that can be read. */
  get(key: string, options: CacheGetOptions): Promise<Uint8Array | undefined>;
  /**
   * Reads an object into a file, as it lies in the cache; tells its size in bytes, or nothing where there is
   * none.
   */
  download(key: string, options: CacheDownloadOptions): Promise<number | undefined>;
  /** Whether there is an object. */
  has(key: string, signal: AbortSignal): Promise<boolean>;
  /** Tells the size of an object in bytes; nothing where there is none, or the cache does not say. */
  size(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Puts an object, in place of an earlier one. */
  put(key: string, object: CacheObject, signal: AbortSignal): Promise<void>;
}

/** The headers that say what an object is. */
export function toContentHeaders({
  contentType,
  contentEncoding,
}: CacheObject): Readonly<Record<string, string>> {
  const encoding = contentEncoding === undefined ? {} : { "content-encoding": contentEncoding };
  return { "content-type": contentType, ...encoding };
}
