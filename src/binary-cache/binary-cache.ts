import type { FileEncoding } from "../commands/staging.ts";
import type { HttpFileBody } from "../host/http-client.ts";

/** What goes into a binary cache. */
export interface CacheObject {
  readonly contentType: string;
  /** Compression of the content; default none. */
  readonly contentEncoding?: FileEncoding | undefined;
  /** The content, or the file that has it, which is streamed. */
  readonly body: Uint8Array | HttpFileBody;
  /** SHA-256 of the content in hexadecimal, if it is already known. */
  readonly sha256?: string | undefined;
  /**
   * Called with how much of a file was sent since the last call, in bytes; negative for what must be sent
   * again.
   */
  readonly onUploaded?: ((bytes: number) => void) | undefined;
}

/** Options of one request. */
export interface CacheGetOptions {
  readonly signal: AbortSignal;
  /** Upper bound of the answer in bytes, inclusive. */
  readonly maxBytes: number;
}

/** Options of a download. */
export interface CacheDownloadOptions extends CacheGetOptions {
  /** Absolute path of the file; it is created anew. */
  readonly path: string;
}

/**
 * A binary cache: objects by key, such as `HASH.narinfo` and `nar/FILE.nar.zst`. Every method rejects with a
 * {@link CacheAnswerError} for an answer that is neither a success nor "not found", and with the signal's
 * reason on abort.
 */
export interface BinaryCache {
  /** Reads and decompresses a small object; nothing if it does not exist or cannot be read. */
  get(key: string, options: CacheGetOptions): Promise<Uint8Array | undefined>;
  /**
   * Downloads an object into a file, as it is in the cache. Returns its size in bytes, or nothing if it does
   * not exist.
   */
  download(key: string, options: CacheDownloadOptions): Promise<number | undefined>;
  /** Whether there is an object. */
  has(key: string, signal: AbortSignal): Promise<boolean>;
  /** Returns the size of an object in bytes; nothing if it does not exist, or the cache does not say. */
  size(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Uploads an object, replacing an earlier one. */
  put(key: string, object: CacheObject, signal: AbortSignal): Promise<void>;
}

/** The headers that describe an object. */
export function toContentHeaders({
  contentType,
  contentEncoding,
}: CacheObject): Readonly<Record<string, string>> {
  const encoding = contentEncoding === undefined ? {} : { "content-encoding": contentEncoding };
  return { "content-type": contentType, ...encoding };
}
