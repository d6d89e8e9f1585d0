import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import { fixedCredentials } from "../binary-cache/cache-credentials.ts";
import { type Narinfo, parseNarinfo } from "../binary-cache/narinfo.ts";
import { openBinaryCache } from "../binary-cache/open-binary-cache.ts";
import { findValidSignatures, type PublicKey, parsePublicKey } from "../binary-cache/path-signature.ts";
import { type Closure, type Registration, sortByReferences } from "../commands/closure.ts";
import {
  checkStorePaths,
  DEFAULT_STORE_DIRECTORY,
  parseStorePath,
  toReferencePaths,
} from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import { settleAll } from "../core/settle-all.ts";
import { quoteName } from "../core/text.ts";
import { findHostCertificates } from "../execution/certificates.ts";
import { MAX_NARINFO_BYTES } from "../upload/ask-binary-cache.ts";
import { DownloadStage } from "../upload/download-stage.ts";
import { Limiter } from "../upload/limiter.ts";
import { PromotionSourceErrors } from "../upload/promotion-source-error.ts";
import type { Stage } from "../upload/stage.ts";
import { toCacheReader } from "./cache-reader.ts";
import { connectTo } from "./connect-to.ts";
import type { OpenStageOptions, PathSource } from "./path-source.ts";
import type { PushContext } from "./push-context.ts";
import { PushCredentials } from "./push-credentials.ts";
import type { PushParticipant } from "./push-participant.ts";

/** Most requests to the source at once. */
const MAX_REQUESTS = 32;
/** Most paths of a closure. */
const MAX_PATHS = 200_000;

/** The source of a promotion. */
export interface PromotionSourceOptions {
  readonly cache: CacheDefinition;
  /** The key under which each path must be signed there. */
  readonly publicKey: string;
  /** Other keys that the target knows; their signatures are copied, too. */
  readonly trustedKeys: readonly string[];
  readonly storePaths: readonly string[];
  readonly context: PushContext;
  /** Records an event about the source. */
  readonly emit: (event: Parameters<PushParticipant["emit"]>[0]) => Promise<void>;
}

/**
 * A binary cache that paths are promoted from. It is read with its own credentials. Only signatures are
 * trusted.
 */
export class PromotionSource implements PathSource {
  readonly absent = new Set<string>();
  readonly #options: PromotionSourceOptions;
  readonly #errors: PromotionSourceErrors;
  /** The keys that the target knows, the required one first. */
  readonly #keys: readonly PublicKey[];
  readonly #credentials: PushCredentials;
  readonly #narinfos = new Map<string, Narinfo>();
  #closure: Promise<Closure> | undefined;

  constructor(options: PromotionSourceOptions, credentials?: PushCredentials) {
    this.#options = options;
    const { cache, context, emit } = options;
    this.#keys = [options.publicKey, ...options.trustedKeys].flatMap((text) => parsePublicKey(text) ?? []);
    this.#errors = new PromotionSourceErrors(cache.id);
    this.#credentials = credentials ?? new PushCredentials(cache, context, emit);
  }

  async check(): Promise<void> {
    await this.closure();
  }

  /**
   * The closure of the paths, each signed by the required key.
   *
   * @throws {@link PushError} `ERR_PROMOTION_SOURCE`, `ERR_PROMOTION_CORRUPT`, `ERR_SIGNATURE_MISSING`;
   * {@link CredentialError}
   */
  closure(): Promise<Closure> {
    this.#closure ??= this.#readClosure();
    return this.#closure;
  }

  narrowed(storePaths: readonly string[]): PathSource {
    return this.#closure === undefined
      ? new PromotionSource({ ...this.#options, storePaths }, this.#credentials)
      : this;
  }

  async openStage({ parents, signingKey, signal, onMove }: OpenStageOptions): Promise<Stage> {
    const { cache, context } = this.#options;
    const opened = await this.#open(onMove);
    const stage = new DownloadStage({
      ...{ cache: opened.cache, name: cache.id, narinfos: this.#narinfos, parents, signingKey, signal },
      storeDirectory: context.host.storeDirectory,
    });
    return {
      executions: stage.executions,
      stage: (registrations) => stage.stage(registrations),
      [Symbol.asyncDispose]: async () => {
        await stage[Symbol.asyncDispose]();
        opened[Symbol.dispose]();
      },
    };
  }

  async #open(onMove?: () => void): Promise<Disposable & { readonly cache: BinaryCache }> {
    const { cache, context } = this.#options;
    const { clock, random, env } = context.runtime;
    const { current } = this.#credentials;
    const { destination, credentials: taken } = toCacheReader(cache, current);
    const session = connectTo(
      { destination, variables: taken.env, maxConnections: MAX_REQUESTS },
      context.runtime,
    );
    if (session === undefined)
      throw new PushError(
        "ERR_PROMOTION_SOURCE",
        "This process cannot ask the source; check the host's proxy",
      );
    // A server other than the destination's gets none.
    const credentials = taken === current ? this.#credentials : fixedCredentials(taken.env);
    const certificateAuthorities = findHostCertificates(env);
    const options = { session, clock, random, certificateAuthorities, credentials, onMove };
    try {
      const opened = await openBinaryCache(destination, taken.env, options);
      return { cache: opened, [Symbol.dispose]: () => session[Symbol.dispose]() };
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  async #readClosure(): Promise<Closure> {
    const { storePaths, context } = this.#options;
    const { signal } = context.deadline;
    await this.#credentials.fetch();
    using opened = await this.#open();
    const limiter = new Limiter(MAX_REQUESTS);
    const found = new Map<string, Registration>();
    let wave: readonly string[] = checkStorePaths(storePaths, context.host);
    const roots = new Set(wave);
    while (wave.length > 0) {
      const read = await settleAll(
        wave.map((path) => limiter.run(() => this.#read(path, opened.cache, signal))),
      );
      for (const [index, path] of wave.entries()) found.set(path, this.#register(path, read[index], roots));
      if (found.size > MAX_PATHS) throw this.#unbelievable(`a closure has more than ${MAX_PATHS} paths`);
      const next = wave.flatMap((path) => found.get(path)?.references ?? []);
      wave = [...new Set(next)].filter((path) => !found.has(path));
    }
    const closure = sortByReferences(found);
    if (closure === undefined) throw this.#unbelievable("its references are not in the closure");
    return closure;
  }

  #register(path: string, narinfo: Narinfo | undefined, roots: ReadonlySet<string>): Registration {
    if (narinfo !== undefined) {
      this.#narinfos.set(path, narinfo);
      return { path, narSize: narinfo.narSize ?? 0, references: this.#toReferences(path, narinfo) };
    }
    if (roots.has(path)) throw this.#errors.lacks(path);
    // The target may have it.
    this.absent.add(path);
    return { path, narSize: 0, references: [] };
  }

  async #read(path: string, cache: BinaryCache, signal: AbortSignal): Promise<Narinfo | undefined> {
    signal.throwIfAborted();
    const { publicKey, context } = this.#options;
    const key = `${parseStorePath(path, context.host).hash}.narinfo`;
    const bytes = await cache.get(key, { maxBytes: MAX_NARINFO_BYTES, signal }).catch((error: unknown) => {
      throw this.#errors.unread(path, error);
    });
    if (bytes === undefined) return undefined;
    const narinfo = parseNarinfo(new TextDecoder().decode(bytes));
    if (narinfo?.storePath !== path) return undefined;
    const signatures = findValidSignatures(path, narinfo, this.#keys);
    const [keyName = ""] = publicKey.split(":");
    // A copy, so that the whole received text does not stay in memory. Only signatures by known keys are
    // kept.
    if (signatures.has(keyName)) return structuredClone({ ...narinfo, signatures: [...signatures.values()] });
    const message = `${path} has no valid signature by ${keyName} in the cache '${quoteName(this.#options.cache.id)}', as promote_from requires; sign it there`;
    throw new PushError("ERR_SIGNATURE_MISSING", message, [path]);
  }

  #toReferences(path: string, { references }: Narinfo): readonly string[] {
    const { storeDirectory = DEFAULT_STORE_DIRECTORY } = this.#options.context.host;
    const whole = toReferencePaths(references, storeDirectory);
    try {
      for (const reference of whole) parseStorePath(reference, this.#options.context.host);
      return whole.filter((other) => other !== path);
    } catch (error) {
      throw error instanceof CommandError
        ? this.#unbelievable("a reference is not a store path", [path])
        : error;
    }
  }

  #unbelievable(why: string, storePaths?: readonly string[]): PushError {
    return this.#errors.corrupt(`cannot be believed: ${why}`, storePaths);
  }
}
