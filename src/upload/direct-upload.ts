import { setMaxListeners } from "node:events";
import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { Presence } from "../binary-cache/presence.ts";
import type { StoreParameter } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { RunCommandOptions } from "../execution/run-command.ts";
import type { Random } from "../host/runtime.ts";
import {
  type AskBinaryCacheOptions,
  CACHE_INFO,
  findKnownPaths,
  findLostNars,
  hasCacheInfo,
} from "./ask-binary-cache.ts";
import { askClosure, type Closure } from "./ask-closure.ts";
import { ClosureSender } from "./closure-sender.ts";
import { Limiter } from "./limiter.ts";
import { readBack } from "./read-back.ts";
import { type Share, type StagedPath, StagingArea } from "./staging-area.ts";
import { StagingError } from "./staging-error.ts";
import { toShares } from "./to-shares.ts";
import { toOutcome, type UploadOutcome } from "./upload-outcome.ts";

/** What is uploaded, and how. */
export interface DirectUploadOptions {
  /** The paths that were asked for; their closure goes with them. */
  readonly storePaths: readonly string[];
  readonly cache: BinaryCache;
  readonly parameters: readonly StoreParameter[];
  /** The store's directory; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
  /** Absolute path of the directory in which paths are staged. */
  readonly stagingParent: string;
  /** Most bytes of NARs, uncompressed, that are staged together. */
  readonly shareBytes: number;
  /** Most requests at once. */
  readonly maxRequests: number;
  /** Name of the key that must have signed the paths that were asked for. */
  readonly requireSignature?: string | undefined;
  /** What the cache had a while ago; absent: everything is asked for. */
  readonly presence?: Presence | undefined;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Bounds of the next command. */
  readonly toOptions: () => RunCommandOptions;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
}

/**
 * Uploads the closure of some paths to a binary cache: nix writes what is missing there into files, without a network and without
 * credentials, and this process sends them, many at once and in the order of their references.
 *
 * @throws {@link StagingError} where nothing was sent, for a reason on this side; {@link CacheAnswerError} where the cache cannot be asked;
 * the push error of a command that was ended; the signal's reason
 */
export async function uploadDirectly(options: DirectUploadOptions): Promise<UploadOutcome> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  // Each request under way listens, and Node warns of a leak beyond ten.
  setMaxListeners(0, signal);
  try {
    return await new DirectUpload({ ...options, signal }).run();
  } catch (error) {
    // A path in the closure that cannot be named on a command line, as a derivation is: nix knows what to do with it.
    throw error instanceof CommandError ? new StagingError(error.message) : error;
  } finally {
    // Requests that are still under way are for nobody.
    over.abort(new Error("The upload is over"));
  }
}

class DirectUpload {
  readonly #options: DirectUploadOptions;
  readonly #limiter: Limiter;
  readonly #asked: AskBinaryCacheOptions;
  /** The paths that the cache has, with what it says of them. */
  #known: ReadonlyMap<string, Narinfo | undefined> = new Map();

  constructor(options: DirectUploadOptions) {
    const { cache, signal, storeDirectory } = options;
    this.#options = options;
    this.#limiter = new Limiter(options.maxRequests);
    this.#asked = { cache, signal, storeDirectory, limiter: this.#limiter };
  }

  async run(): Promise<UploadOutcome> {
    const { storePaths, storeDirectory, toOptions } = this.#options;
    const closure = await askClosure(storePaths, { storeDirectory }, toOptions);
    const { presence, random } = this.#options;
    const wanted = { ...this.#asked, paths: closure.keys(), roots: storePaths, presence, random };
    const [hasInfo, known] = await Promise.all([hasCacheInfo(this.#asked), findKnownPaths(wanted)]);
    const lost = await findLostNars(known, wanted);
    this.#known = new Map([...known].filter(([path]) => !lost.has(path)));
    const missing = [...closure.values()].filter(({ path }) => !this.#known.has(path));
    const unsigned = this.#findUnsigned(this.#known);
    if (unsigned !== undefined) return { executions: [], present: [], complete: [], error: unsigned };
    if (missing.length === 0) return this.#finish(closure, undefined, []);
    await using area = new StagingArea({
      ...{ parent: this.#options.stagingParent, parameters: this.#options.parameters },
      ...{ storeDirectory, toOptions },
    });
    const sender = this.#makeSender(closure, missing.length);
    const error = await this.#sendShares(toShares(missing, this.#options.shareBytes), area, sender, hasInfo);
    // Waited for here, so that the area is left only when it has ended.
    return await this.#finish(closure, sender, area.executions, error);
  }

  #makeSender(closure: Closure, expected: number): ClosureSender {
    const { cache, signal, storeDirectory, onProgress } = this.#options;
    let [paths, bytes] = [0, 0];
    return new ClosureSender({
      ...{
        cache,
        closure,
        signal,
        storeDirectory,
        limiter: this.#limiter,
        known: new Set(this.#known.keys()),
      },
      onSent: (_path, size) => {
        bytes += size;
        onProgress?.({ type: "paths", done: ++paths, expected });
        onProgress?.({ type: "bytes", done: bytes, expected: bytes });
      },
    });
  }

  /** The next share is staged while one is sent. */
  async #sendShares(
    shares: ReturnType<typeof toShares>,
    area: StagingArea,
    sender: ClosureSender,
    hasInfo: boolean,
  ): Promise<PushError | undefined> {
    let staging: Promise<Share> | undefined = shares[0] && area.stage(shares[0]);
    try {
      for (let index = 0; staging !== undefined; index++) {
        await using share: Share = await staging;
        const next = shares[index + 1];
        staging = next === undefined || sender.isStopped ? undefined : area.stage(next);
        // Who waits for it looks at its failure; the share before may fail first.
        staging?.catch(() => undefined);
        const unsigned = this.#findUnsigned(new Map(share.paths.map(({ path, parsed }) => [path, parsed])));
        if (unsigned !== undefined) return unsigned;
        if (index === 0 && !hasInfo) await this.#putCacheInfo(share);
        await sender.send(share);
      }
      return undefined;
    } catch (error) {
      // Once something was sent, nix does not push all of it again.
      if (!(error instanceof StagingError) || sender.isUntouched) throw error;
      const message = "Nix could not write the next paths into files; what is left is for another attempt";
      return new PushError("ERR_PUSH_FAILED", message);
    } finally {
      await staging?.then((share) => share[Symbol.asyncDispose]()).catch(() => undefined);
    }
  }

  async #putCacheInfo({ cacheInfo }: Share): Promise<void> {
    const { cache, signal } = this.#options;
    await cache.put(CACHE_INFO, { contentType: "text/x-nix-cache-info", body: cacheInfo }, signal);
  }

  #findUnsigned(found: ReadonlyMap<string, Narinfo | undefined>): PushError | undefined {
    const { storePaths, requireSignature: key } = this.#options;
    if (key === undefined) return undefined;
    const unsigned = storePaths.filter((path) => found.get(path)?.signedBy.includes(key) === false);
    if (unsigned.length === 0) return undefined;
    const message = `${unsigned.length} paths carry no signature by ${key}; sign when building`;
    return new PushError("ERR_SIGNATURE_MISSING", message, unsigned);
  }

  async #finish(
    closure: Closure,
    sender: ClosureSender | undefined,
    executions: readonly ExecutionResult[],
    cause?: PushError,
  ): Promise<UploadOutcome> {
    const { signal, storePaths, presence } = this.#options;
    signal.throwIfAborted();
    const sent = sender?.sent ?? new Map<string, StagedPath>();
    const seen = await readBack(
      storePaths.flatMap((path) => sent.get(path) ?? []),
      this.#asked,
    );
    const isSent = (path: string): boolean =>
      sent.has(path) && !seen.altered.has(path) && !seen.unread.has(path);
    // What is only remembered is not seen, and grows older.
    presence?.add([...closure.keys()].filter((path) => this.#known.get(path) !== undefined || isSent(path)));
    return toOutcome({
      ...{ storePaths, closure, executions, seen, cause },
      isThere: (path) => this.#known.has(path) || isSent(path),
      failures: sender?.failures ?? new Map(),
    });
  }
}
