import { setMaxListeners } from "node:events";
import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { Presence } from "../binary-cache/presence.ts";
import type { SignatureRule } from "../binary-cache/signature-rule.ts";
import type { Closure, Registration } from "../commands/closure.ts";
import type { FileEncoding } from "../commands/staging.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { Random } from "../host/runtime.ts";
import {
  CACHE_INFO,
  type FindKnownOptions,
  findKnownPaths,
  findLostNars,
  hasCacheInfo,
} from "./ask-binary-cache.ts";
import { ClosureSender } from "./closure-sender.ts";
import { followAbsent } from "./follow-absent.ts";
import { Limiter } from "./limiter.ts";
import { readBack } from "./read-back.ts";
import { ShareStager } from "./share-stager.ts";
import type { Share, Stage } from "./stage.ts";
import { StagingError } from "./staging-error.ts";
import { toOutcome, type UploadOutcome } from "./upload-outcome.ts";

/** What is uploaded, and how. */
export interface DirectUploadOptions {
  /** The requested paths. */
  readonly storePaths: readonly string[];
  /** Their closure. */
  readonly closure: Closure;
  /** Paths of the closure whose references only the cache knows; default none. */
  readonly absent?: ReadonlySet<string> | undefined;
  /** Paths of the closure that readers get elsewhere, so they are left out. */
  readonly upstream: ReadonlySet<string>;
  readonly cache: BinaryCache;
  /** Writes the paths into files. Its creator disposes it. */
  readonly stage: Stage;
  /** The store's directory; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
  /** How narinfos and listings are compressed; default not at all. */
  readonly narinfoEncoding?: FileEncoding | undefined;
  readonly listingEncoding?: FileEncoding | undefined;
  /** How many bytes of uncompressed NARs are staged together. */
  readonly shareBytes: number;
  /** Most requests at once. */
  readonly maxRequests: number;
  /** Which signatures the requested paths need. */
  readonly signatureRule?: SignatureRule | undefined;
  /** The remembered paths of the cache; absent to ask for everything. */
  readonly presence?: Presence | undefined;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
}

/**
 * Uploads the closure of some paths to a binary cache. What is missing there is written into files, and this
 * process sends them, many at once, in the order of references.
 *
 * @throws {@link StagingError} if nothing was sent for a reason on this side; {@link CacheAnswerError} if the
 * cache cannot be asked; the push error of a command that was ended; the signal's reason
 */
export async function uploadDirectly(options: DirectUploadOptions): Promise<UploadOutcome> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  // Each running request adds a listener, and Node.js warns beyond ten.
  setMaxListeners(0, signal);
  try {
    return await new DirectUpload({ ...options, signal }).run();
  } finally {
    // Requests that still run are no longer needed.
    over.abort(new Error("The upload is over"));
  }
}

class DirectUpload {
  readonly #options: DirectUploadOptions;
  readonly #asked: FindKnownOptions;
  readonly #stager: ShareStager;
  /** The paths that the cache has, with their narinfos. */
  #known: ReadonlyMap<string, Narinfo | undefined> = new Map();
  #isRedirected = false;
  #closure: Closure;

  constructor(options: DirectUploadOptions) {
    const { cache, closure, signal, storeDirectory, storePaths: roots, presence, random } = options;
    const limiter = new Limiter(options.maxRequests);
    this.#options = options;
    this.#closure = closure;
    this.#asked = {
      ...{ cache, signal, storeDirectory, limiter, roots, presence, random },
      onRedirect: () => {
        this.#isRedirected = true;
      },
      paths: [...closure.keys()].filter((path) => !options.upstream.has(path)),
    };
    this.#stager = new ShareStager({ stage: options.stage, shareBytes: options.shareBytes });
  }

  async run(): Promise<UploadOutcome> {
    // Awaited here, so that the staging area is removed only after everything has ended.
    await using _stager = this.#stager;
    this.#checkNames();
    this.#stageExpected();
    const [hasInfo, known] = await Promise.all([hasCacheInfo(this.#asked), findKnownPaths(this.#asked)]);
    if (this.#isRedirected)
      throw new StagingError("The cache redirects its readers elsewhere, which only nix follows");
    this.#known = known;
    await this.#followAbsent();
    const unsigned = this.#findUnsigned(known);
    if (unsigned !== undefined) return { executions: [], present: [], complete: [], error: unsigned };
    const lost = findLostNars(known, this.#asked);
    // Its user handles its failure.
    lost.catch(() => undefined);
    const sender = this.#makeSender();
    const error = await this.#send(sender, hasInfo, lost);
    return await this.#finish(sender, error);
  }

  /** A path of the closure that cannot be an argument, such as a derivation, is left to Nix. */
  #checkNames(): void {
    const { closure, storeDirectory } = this.#options;
    try {
      checkStorePaths([...closure.keys()], { storeDirectory });
    } catch (error) {
      throw error instanceof CommandError ? new StagingError(error.message) : error;
    }
  }

  /** If most of a closure is remembered, the rest is probably new. */
  #stageExpected(): void {
    const { closure, presence, upstream, absent } = this.#options;
    const unknown = [...closure.values()].filter(
      ({ path }) => presence?.has(path) !== true && !upstream.has(path) && absent?.has(path) !== true,
    );
    if (unknown.length * 2 < closure.size) this.#stager.prepare(unknown);
  }

  /**
   * References that the source does not know are followed in the cache, so that no incomplete path counts as
   * complete.
   */
  async #followAbsent(): Promise<void> {
    const { absent, upstream } = this.#options;
    if (absent === undefined || absent.size === 0) return;
    const followed = await followAbsent(absent, {
      ...this.#asked,
      upstream,
      known: this.#known,
      closure: this.#closure,
    });
    this.#known = followed.known;
    this.#closure = followed.closure;
  }

  #makeSender(): ClosureSender {
    const closure = this.#closure;
    const { cache, signal, storeDirectory, onProgress, upstream } = this.#options;
    const { narinfoEncoding, listingEncoding } = this.#options;
    let [paths, bytes, allBytes] = [0, 0, 0];
    return new ClosureSender({
      ...{ cache, closure, signal, storeDirectory, narinfoEncoding, listingEncoding },
      limiter: this.#asked.limiter,
      isKnown: (path) => this.#known.has(path) || upstream.has(path),
      onSent: () => {
        const expected = closure.size - upstream.size - this.#known.size;
        onProgress?.({ type: "paths", done: ++paths, expected });
      },
      onBytes: (sent, more) => {
        bytes += sent;
        allBytes += more;
        if (sent !== 0) onProgress?.({ type: "bytes", done: bytes, expected: allBytes });
      },
    });
  }

  /**
   * Sends what is missing. The first NARs are uploaded while the cache is asked for lost NARs. No narinfo is
   * uploaded yet, so lost paths can still be sent before the paths that refer to them.
   */
  async #send(
    sender: ClosureSender,
    hasInfo: boolean,
    looking: Promise<ReadonlySet<string>>,
  ): Promise<PushError | undefined> {
    const { upstream } = this.#options;
    const closure = this.#closure;
    const findMissing = () =>
      [...closure.values()].filter(({ path }) => !this.#known.has(path) && !upstream.has(path));
    const missing = findMissing();
    const first = await this.#sendShares(missing, sender, hasInfo, looking);
    if (first !== "lost") return first;
    await this.#forget(await looking);
    const second = await this.#sendShares(findMissing(), sender, hasInfo, Promise.resolve(new Set()));
    return second === "lost" ? undefined : second;
  }

  /** If a NAR is lost, more may be, also of remembered paths, so those are asked for. */
  async #forget(lost: ReadonlySet<string>): Promise<void> {
    this.#options.presence?.clear();
    const remembered = [...this.#known].flatMap(([path, narinfo]) => (narinfo === undefined ? [path] : []));
    const asked = { ...this.#asked, paths: remembered, roots: remembered, presence: undefined };
    const found = await findKnownPaths(asked);
    const gone = await findLostNars(found, asked);
    const isThere = (path: string): boolean =>
      !lost.has(path) && !gone.has(path) && (this.#known.get(path) !== undefined || found.has(path));
    this.#known = new Map([...this.#known, ...found].filter(([path]) => isThere(path)));
  }

  async #sendShares(
    missing: readonly Registration[],
    sender: ClosureSender,
    hasInfo: boolean,
    looking: Promise<ReadonlySet<string>>,
  ): Promise<PushError | "lost" | undefined> {
    try {
      let isFirst = true;
      for await (const share of this.#stager.stage(missing)) {
        const unsigned = this.#findUnsigned(new Map(share.paths.map(({ path, parsed }) => [path, parsed])));
        if (unsigned !== undefined) return unsigned;
        if (isFirst && !hasInfo) await this.#putCacheInfo(share.cacheInfo);
        if (isFirst && (await this.#isLost(share, sender, looking))) return "lost";
        isFirst = false;
        await sender.send(share);
        if (sender.isStopped) break;
      }
      return (await looking).size > 0 ? "lost" : undefined;
    } catch (error) {
      const { signal } = this.#options;
      // What was already sent is reported, even if the next paths fail.
      if (error instanceof PushError && !sender.isUntouched && !signal.aborted) return error;
      // After something was sent, Nix does not push all of it again.
      if (!(error instanceof StagingError) || sender.isUntouched) throw error;
      const message = "Nix could not write the next paths into files; the rest is left for a retry";
      return new PushError("ERR_PUSH_FAILED", message);
    }
  }

  /**
   * Sends the first NARs while the cache is asked for lost ones. Files are removed only after nothing is sent
   * from them.
   */
  async #isLost(
    share: Share,
    sender: ClosureSender,
    looking: Promise<ReadonlySet<string>>,
  ): Promise<boolean> {
    const sending = sender.sendNars(share);
    try {
      const { size } = await looking;
      if (size > 0) await sending;
      return size > 0;
    } catch (error) {
      await sending;
      throw error;
    }
  }

  async #putCacheInfo(cacheInfo: Uint8Array): Promise<void> {
    const { cache, signal } = this.#options;
    await cache.put(CACHE_INFO, { contentType: "text/x-nix-cache-info", body: cacheInfo }, signal);
  }

  #findUnsigned(found: ReadonlyMap<string, Narinfo | undefined>): PushError | undefined {
    const { storePaths, signatureRule } = this.#options;
    const unsigned = storePaths.filter((path) => {
      const narinfo = found.get(path);
      return narinfo !== undefined && signatureRule?.accepts(path, narinfo) === false;
    });
    return unsigned.length === 0 ? undefined : signatureRule?.toError(unsigned);
  }

  async #finish(sender: ClosureSender, cause: PushError | undefined): Promise<UploadOutcome> {
    const { signal, storePaths, presence, upstream, signatureRule } = this.#options;
    const closure = this.#closure;
    signal.throwIfAborted();
    const { sent, failures } = sender;
    const roots = storePaths.flatMap((path) => sent.get(path) ?? []);
    const seen = await readBack(roots, this.#asked, signatureRule);
    const unsigned = [...seen.unsigned];
    const isSent = (path: string): boolean =>
      sent.has(path) && [seen.altered, seen.unread, seen.unsigned].every((paths) => !paths.has(path));
    const missing = unsigned.length === 0 ? undefined : signatureRule?.toError(unsigned);
    // A remembered path was not seen now, so its age goes on.
    presence?.add([...closure.keys()].filter((path) => this.#known.get(path) !== undefined || isSent(path)));
    return toOutcome({
      ...{ storePaths, closure, executions: this.#stager.executions, seen, failures },
      cause: cause ?? missing,
      isThere: (path) => this.#known.has(path) || isSent(path) || upstream.has(path),
    });
  }
}
