import { setMaxListeners } from "node:events";
import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { Presence } from "../binary-cache/presence.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { StoreParameter } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { RunCommandOptions } from "../execution/run-command.ts";
import type { Random } from "../host/runtime.ts";
import { CACHE_INFO, findKnownPaths, hasCacheInfo, MAX_NARINFO_BYTES } from "./ask-binary-cache.ts";
import { askClosure, type Closure } from "./ask-closure.ts";
import { ClosureSender } from "./closure-sender.ts";
import { Limiter } from "./limiter.ts";
import { type Share, StagingArea } from "./staging-area.ts";
import { StagingError } from "./staging-error.ts";
import { toShares } from "./to-shares.ts";

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

/** What came of an upload. */
export interface UploadOutcome {
  /** The commands that staged. */
  readonly executions: readonly ExecutionResult[];
  /** Of the paths that were asked for, those that are there. */
  readonly present: readonly string[];
  /** Of them, those whose whole closure is there. */
  readonly complete: readonly string[];
  /** Why some are not complete; absent if all are. */
  readonly error?: PushError | undefined;
}

/**
 * Uploads the closure of some paths to a binary cache: nix writes what is missing there into files, without a network and without
 * credentials, and this process sends them, many at once and in the order of their references.
 *
 * @throws {@link StagingError} where nothing was sent, for a reason on this side; {@link CacheAnswerError} where the cache cannot be asked;
 * the push error of a command that was ended; the signal's reason
 */
export async function uploadDirectly(options: DirectUploadOptions): Promise<UploadOutcome> {
  return new DirectUpload(options).run().catch((error: unknown) => {
    // A path in the closure that cannot be named on a command line, as a derivation is: nix knows what to do with it.
    throw error instanceof CommandError ? new StagingError(error.message) : error;
  });
}

class DirectUpload {
  readonly #options: DirectUploadOptions;
  readonly #limiter: Limiter;
  /** The paths that the cache has, with what it says of them. */
  #known: ReadonlyMap<string, Narinfo | undefined> = new Map();

  constructor(options: DirectUploadOptions) {
    const signal = AbortSignal.any([options.signal]);
    // Each request under way listens, and Node warns of a leak beyond ten.
    setMaxListeners(0, signal);
    this.#options = { ...options, signal };
    this.#limiter = new Limiter(options.maxRequests);
  }

  async run(): Promise<UploadOutcome> {
    const { storePaths, storeDirectory, toOptions } = this.#options;
    const closure = await askClosure(storePaths, { storeDirectory }, toOptions);
    const { cache, signal, presence, random } = this.#options;
    const asked = { cache, signal, storeDirectory, limiter: this.#limiter };
    const [hasInfo, known] = await Promise.all([
      hasCacheInfo(asked),
      findKnownPaths({ ...asked, paths: closure.keys(), roots: storePaths, presence, random }),
    ]);
    this.#known = known;
    const missing = [...closure.values()].filter(({ path }) => !this.#known.has(path));
    const unsigned = this.#findUnsigned(this.#known);
    if (unsigned !== undefined)
      return { executions: [], present: this.#keysOf(this.#known), complete: [], error: unsigned };
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
    for (let index = 0; staging !== undefined; index++) {
      await using share: Share = await staging;
      const next = shares[index + 1];
      staging = next === undefined || sender.isStopped ? undefined : area.stage(next);
      // Who waits for it looks at its failure; the share before may fail first.
      staging?.catch(() => undefined);
      const unsigned = this.#findUnsigned(new Map(share.paths.map(({ path, parsed }) => [path, parsed])));
      if (unsigned !== undefined) {
        await staging?.catch(() => undefined);
        return unsigned;
      }
      if (index === 0 && !hasInfo) await this.#putCacheInfo(share);
      await sender.send(share);
    }
    return undefined;
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

  #keysOf(found: ReadonlyMap<string, unknown>): readonly string[] {
    return this.#options.storePaths.filter((path) => found.has(path));
  }

  async #finish(
    closure: Closure,
    sender: ClosureSender | undefined,
    executions: readonly ExecutionResult[],
    cause?: PushError,
  ): Promise<UploadOutcome> {
    const { signal, storePaths } = this.#options;
    signal.throwIfAborted();
    const altered = sender === undefined ? [] : await this.#readBack(sender);
    const isThere = (path: string): boolean =>
      this.#known.has(path) || (sender?.sent.has(path) === true && !altered.includes(path));
    const incomplete = findIncomplete(closure, isThere);
    this.#options.presence?.add([...closure.keys()].filter(isThere));
    const complete = storePaths.filter((path) => closure.has(path) && !incomplete.has(path));
    const present = storePaths.filter(isThere);
    if (complete.length === storePaths.length && cause === undefined)
      return { executions, present, complete };
    const incompletePaths = storePaths.filter((path) => !complete.includes(path));
    const error = cause ?? toError(incompletePaths, sender, altered);
    return { executions, present, complete, error };
  }

  /** The paths that were asked for are read back, and compared byte for byte. */
  async #readBack(sender: ClosureSender): Promise<readonly string[]> {
    const { cache, signal, storePaths } = this.#options;
    const altered = storePaths.map(async (path) => {
      const staged = sender.sent.get(path);
      if (staged === undefined) return [];
      const key = `${parseStorePath(path, this.#options).hash}.narinfo`;
      const bytes = await this.#limiter.run(() => cache.get(key, { maxBytes: MAX_NARINFO_BYTES, signal }));
      return bytes !== undefined && Buffer.compare(bytes, staged.narinfo) === 0 ? [] : [path];
    });
    return (await Promise.all(altered)).flat();
  }
}

/** Why paths are not complete: the first reason, with those of them that share it. */
function toError(
  incomplete: readonly string[],
  sender: ClosureSender | undefined,
  altered: readonly string[],
): PushError {
  const reasonOf = (path: string): PushError | undefined => sender?.failures.get(path);
  const first =
    incomplete.map(reasonOf).find((reason) => reason !== undefined) ??
    [...(sender?.failures.values() ?? [])][0];
  const about = incomplete.filter((path) => (reasonOf(path) ?? first) === first);
  if (first instanceof CacheAnswerError) return first.about(about);
  if (first !== undefined) return new PushError(first.code, first.message, about);
  return new PushError("ERR_PUSH_UNVERIFIED", "The cache does not give back what was put there", altered);
}

/** The paths of which something in their closure is not there. References stand before who refers to them. */
function findIncomplete(closure: Closure, isThere: (path: string) => boolean): ReadonlySet<string> {
  const incomplete = new Set<string>();
  for (const { path, references } of closure.values())
    if (!isThere(path) || references.some((reference) => incomplete.has(reference))) incomplete.add(path);
  return incomplete;
}
