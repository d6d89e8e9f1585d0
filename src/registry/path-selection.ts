import { type Closure, collectClosure } from "../commands/closure.ts";
import { checkStorePaths, parseStorePath } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { CredentialError, PushError } from "../core/errors.ts";
import { matchesNamePattern } from "../core/name-pattern.ts";
import { StagingError } from "../upload/staging-error.ts";
import { ClosureGuard, isGuarded } from "./closure-guard.ts";
import type { PathSource } from "./path-source.ts";
import type { PushContext } from "./push-context.ts";
import type { PushParticipant } from "./push-participant.ts";
import type { SkippedPath } from "./push-types.ts";
import { findUpstreamHoldings } from "./upstream-holdings.ts";

/** Errors that say more than that a closure is not known. */
const TELLING: ReadonlySet<string> = new Set([
  "ERR_PROMOTION_CORRUPT",
  "ERR_PROMOTION_SOURCE",
  "ERR_SIGNATURE_MISSING",
  "ERR_STORE_PATH_NOT_VALID",
]);

/** Selects the paths of a push by the rules of a cache. */
export class PathSelection {
  /** What the rules leave out. */
  readonly skipped = new Map<string, SkippedPath["reason"]>();
  /** The requests whose closure breaks a rule; nothing is pushed for them. */
  readonly refused = new Map<PushParticipant, PushError>();
  readonly #cache: CacheDefinition;
  readonly #context: PushContext;
  #store: PathSource;

  constructor(cache: CacheDefinition, store: PathSource, context: PushContext) {
    this.#cache = cache;
    this.#store = store;
    this.#context = context;
  }

  /** The store that has what is pushed. It is not asked for what is left out. */
  get store(): PathSource {
    return this.#store;
  }

  /**
   * Leaves paths out by the cache's rules, as far as the host's store can tell, and refuses requests whose
   * closure breaks one.
   *
   * @throws {@link PushError} `ERR_CLOSURE_UNKNOWN` if a rule needs a closure that the store cannot list; as
   * {@link PathSource}
   */
  async select(participants: readonly PushParticipant[]): Promise<readonly string[]> {
    const { exclude = [], maxNarBytes } = this.#cache;
    const { host } = this.#context;
    const asked = [...new Set(participants.flatMap(({ storePaths }) => storePaths))];
    const isExcluded = (path: string): boolean =>
      exclude.some((pattern) => matchesNamePattern(pattern, parseStorePath(path, host).name));
    const named = this.#leaveOut(checkStorePaths(asked, host), "excluded", isExcluded);
    if (named.length === 0 || !(isGuarded(this.#cache) || maxNarBytes !== undefined)) return named;
    const closure = await this.#readClosure();
    const [absent] = this.#store.absent;
    if (absent !== undefined) {
      const message = `Rules of the cache depend on the closure, and the source lacks ${absent}`;
      throw new PushError("ERR_CLOSURE_UNKNOWN", message);
    }
    const sizeOf = (path: string): number => closure.get(path)?.narSize ?? 0;
    const wanted = new Set(
      this.#leaveOut(named, "too-large", (path) => sizeOf(path) > (maxNarBytes ?? Number.POSITIVE_INFINITY)),
    );
    const guard = new ClosureGuard(closure, this.#cache, host);
    for (const participant of participants) {
      const error = guard.judge(participant.storePaths.filter((path) => wanted.has(path)));
      if (error !== undefined) this.refused.set(participant, error);
    }
    const accepted = participants.filter((participant) => !this.refused.has(participant));
    const left = new Set(accepted.flatMap(({ storePaths }) => storePaths));
    return [...wanted].filter((path) => left.has(path));
  }

  /**
   * Asks the upstream caches of the cache; for a direct upload, also about the references of the paths.
   */
  async leaveToUpstream(
    wanted: readonly string[],
    isDirect: boolean,
  ): Promise<{ readonly storePaths: readonly string[]; readonly upstream: ReadonlySet<string> }> {
    if (this.#cache.upstreamCaches === undefined) return { storePaths: wanted, upstream: new Set() };
    // Without a closure, Nix pushes.
    const closure = isDirect ? await this.#store.closure().catch(() => undefined) : undefined;
    const paths = closure === undefined ? wanted : [...collectClosure(wanted, closure).keys()];
    const upstream = await findUpstreamHoldings(paths, wanted, this.#cache, this.#context);
    return { storePaths: this.#leaveOut(wanted, "upstream", (path) => upstream.has(path)), upstream };
  }

  #leaveOut(
    storePaths: readonly string[],
    reason: SkippedPath["reason"],
    isLeftOut: (path: string) => boolean,
  ): readonly string[] {
    const left = storePaths.filter((path) => {
      const isOut = isLeftOut(path);
      if (isOut) this.skipped.set(path, reason);
      return !isOut;
    });
    if (left.length < storePaths.length) this.#store = this.#store.narrowed(left);
    return left;
  }

  /**
   * What a rule needs must be known before anything is sent, for the whole push.
   */
  #readClosure(): Promise<Closure> {
    return this.#store.closure().catch((error: unknown) => {
      const isTelling =
        error instanceof CredentialError || (error instanceof PushError && TELLING.has(error.code));
      if (isTelling || this.#context.deadline.hostSignal.aborted) throw error;
      const reason = error instanceof StagingError || error instanceof PushError ? `: ${error.message}` : "";
      const message = `Rules of the cache depend on the closure, which is not known${reason}`;
      throw new PushError("ERR_CLOSURE_UNKNOWN", message);
    });
  }
}
