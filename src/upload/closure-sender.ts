import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import type { BinaryCache, CacheObject } from "../binary-cache/binary-cache.ts";
import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { encodeContent } from "../binary-cache/content-encoding.ts";
import type { Closure } from "../commands/closure.ts";
import type { FileEncoding } from "../commands/staging.ts";
import { parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { ServerAnswer } from "../core/server-answer.ts";
import { classifyAnswer } from "../execution/failure.ts";
import type { Limiter } from "./limiter.ts";
import type { Share, StagedPath } from "./stage.ts";

/** From this size on, a cache is asked whether it already has a NAR. */
const ASKED_BYTES = 256 * 1024;

/** What a sender needs. */
export interface ClosureSenderOptions extends StorePathOptions {
  readonly cache: BinaryCache;
  readonly closure: Closure;
  /** Whether the cache already has a path. */
  readonly isKnown: (path: string) => boolean;
  readonly limiter: Limiter;
  /** How narinfos and listings are compressed; default not at all. */
  readonly narinfoEncoding?: FileEncoding | undefined;
  readonly listingEncoding?: FileEncoding | undefined;
  readonly signal: AbortSignal;
  /** Called for each path that the cache has now. */
  readonly onSent: (path: string) => void;
  /**
   * Called with the bytes of NARs that were sent, or must be sent again, and with the change of the total.
   */
  readonly onBytes: (sent: number, more: number) => void;
}

/**
 * Sends staged paths in the order of their references. A narinfo is uploaded after its NAR and after the
 * narinfos of its references, so the cache is always consistent. If a path fails, only it and the paths that
 * refer to it fail.
 */
export class ClosureSender {
  /** Paths that were uploaded. */
  readonly sent = new Map<string, StagedPath>();
  /** Why others are not. */
  readonly failures = new Map<string, PushError>();
  readonly #options: ClosureSenderOptions;
  /** Aborts all requests when the server refuses everything. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #settled = new Map<string, Promise<void>>();
  /** NARs by their place in the cache; paths with equal content share one. */
  readonly #nars = new Map<string, Promise<void>>();
  readonly #failedNars = new Set<string>();

  constructor(options: ClosureSenderOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    setMaxListeners(0, this.#signal);
  }

  /** Whether the server refuses everything, so that nothing else is tried. */
  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Whether nothing was tried yet. */
  get isUntouched(): boolean {
    return this.#nars.size === 0;
  }

  /** Sends the NARs of a share, which no reader can see yet. It never rejects. */
  async sendNars({ paths }: Share): Promise<void> {
    // The sender of the narinfo handles its failure.
    await Promise.allSettled(paths.map((staged) => this.#sendNar(staged)));
  }

  /** Sends the paths of a share. It never rejects. */
  async send({ paths }: Share): Promise<void> {
    for (const staged of paths) this.#settled.set(staged.path, this.#sendPath(staged));
    await Promise.all(paths.map(({ path }) => this.#settled.get(path)));
    // A path of another share may have the same content in its own file.
    for (const url of this.#failedNars) this.#nars.delete(url);
    this.#failedNars.clear();
  }

  async #sendPath(staged: StagedPath): Promise<void> {
    const { path } = staged;
    const nar = this.#sendNar(staged);
    // While waiting for a reference, the failure of a NAR must have a listener.
    nar.catch(() => undefined);
    try {
      await this.#waitForReferences(path);
      await nar;
      await this.#sendNarinfo(staged);
      this.sent.set(path, staged);
      this.#options.onSent(path);
    } catch (error) {
      this.failures.set(path, this.#toFailure(error, path));
      // Its file is removed when the share is sent.
      await nar.catch(() => undefined);
    }
  }

  async #waitForReferences(path: string): Promise<void> {
    const { closure, isKnown } = this.#options;
    for (const reference of closure.get(path)?.references ?? []) {
      if (isKnown(reference)) continue;
      await this.#settled.get(reference);
      if (!this.sent.has(reference)) throw this.failures.get(reference) ?? missing(reference);
    }
  }

  #sendNar(staged: StagedPath): Promise<void> {
    const { url } = staged.parsed;
    const known = this.#nars.get(url);
    if (known !== undefined) return known;
    this.#options.onBytes(0, staged.nar.size);
    const sending = this.#options.limiter.run(() => this.#sendNarOnce(staged));
    this.#nars.set(url, sending);
    sending.catch(() => this.#failedNars.add(url));
    return sending;
  }

  async #sendNarOnce({ nar, parsed }: StagedPath): Promise<void> {
    this.#signal.throwIfAborted();
    const { cache, onBytes } = this.#options;
    if (nar.size >= ASKED_BYTES && (await this.#hasNar(parsed.url, nar.size))) {
      onBytes(0, -nar.size);
      return;
    }
    const onUploaded = (bytes: number): void => onBytes(bytes, 0);
    const object = { contentType: "application/x-nix-nar", body: nar, sha256: parsed.fileSha256, onUploaded };
    await cache.put(parsed.url, object, this.#signal).catch((error: unknown) => {
      throw error instanceof CacheAnswerError && isTooLarge(error.answer)
        ? error.explained(`the NAR has ${nar.size} bytes, which the server or a proxy before it refuses`)
        : error;
    });
  }

  /** A cache that does not answer may not have it. */
  async #hasNar(url: string, size: number): Promise<boolean> {
    try {
      return (await this.#options.cache.size(url, this.#signal)) === size;
    } catch (error) {
      if (error instanceof CacheAnswerError) return false;
      throw error;
    }
  }

  /**
   * A small running upload is not aborted when the server refuses another: it might succeed unnoticed.
   */
  async #sendNarinfo({ path, narinfo, listing }: StagedPath): Promise<void> {
    const { cache, limiter, signal, narinfoEncoding, listingEncoding } = this.#options;
    const send = (key: string, object: CacheObject): Promise<void> =>
      limiter.run(() => {
        this.#signal.throwIfAborted();
        return cache.put(key, object, signal);
      });
    const { hash } = parseStorePath(path, this.#options);
    if (listing !== undefined) {
      const object = await toObject("application/json", listing, listingEncoding);
      await send(`${hash}.ls`, object);
    }
    const object = await toObject("text/x-nix-narinfo", narinfo, narinfoEncoding);
    await send(`${hash}.narinfo`, object);
  }

  #toFailure(error: unknown, path: string): PushError {
    // An error of a reference is reported as it is.
    if (error instanceof PushError && error.storePaths !== undefined) return error;
    if (error instanceof CacheAnswerError) {
      if (classifyAnswer(error.answer).isWholeServer) this.#stop.abort(error);
      return error.about([path]);
    }
    if (error instanceof PushError) return error;
    if (error instanceof CommandError) return new PushError("ERR_PUSH_FAILED", error.message, [path]);
    const { signal } = this.#options;
    const reason: unknown = signal.aborted ? signal.reason : error;
    return reason instanceof PushError ? reason : missing(path);
  }
}

function isTooLarge({ status, code }: ServerAnswer): boolean {
  return status === 413 || code === "EntityTooLarge";
}

async function toObject(
  contentType: string,
  body: CacheObject["body"],
  contentEncoding: FileEncoding | undefined,
): Promise<CacheObject> {
  if (contentEncoding === undefined) return { contentType, body };
  const content = "path" in body ? await readFile(body.path) : body;
  return { contentType, contentEncoding, body: await encodeContent(content, contentEncoding) };
}

function missing(path: string): PushError {
  return new PushError("ERR_PUSH_UNVERIFIED", "The cache lacks a reference of a pushed path", [path]);
}
