import type { PushError } from "../core/errors.ts";
import type { ExecutionResult, OutputChunk } from "../execution/executor.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { AccessRequest, AllowDecision, DenyDecision } from "../policy/decision.ts";
import type { AnyCachesError } from "./any-error.ts";

/**
 * What to push, and for whom. Repository, ref and paths are facts of the CI server; only `caches` may come
 * from the repository's own file.
 *
 * @example
 * ```ts
 * const request: PushRequest = {
 *   repository: "myorg/myrepo",
 *   ref: { type: "branch", name: "main" },
 *   job: "my-package",
 *   caches: ["production"],
 *   storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"],
 * };
 * ```
 *
 * @public
 */
export interface PushRequest extends AccessRequest {
  /** Name of the job that built the paths. */
  readonly job: string;
  /** Ids of caches. One named twice is pushed to once. */
  readonly caches: readonly string[];
  /** Output paths, at least one; derivations are refused. Their closures are pushed with them. */
  readonly storePaths: readonly string[];
  /** The derivation that was built, for the records. */
  readonly drvPath?: string | undefined;
  /** The commit that was built, for the records. */
  readonly commit?: string | undefined;
  /**
   * Joins the report with its audit events, 1 to 128 letters, digits and hyphens; default a fresh UUID. A
   * queue takes it for an idempotency key: the same id is the same request, which is accepted once.
   */
  readonly pushId?: string | undefined;
  /** The trace that the push belongs to, as in the header of W3C Trace Context; what is none is left out. */
  readonly traceparent?: string | undefined;
}

/**
 * What to bring from one cache to another, and for whom. All of it are facts of the CI server.
 *
 * @example
 * ```ts
 * const request: PromotionRequest = {
 *   from: "staging",
 *   to: "production",
 *   repository: "myorg/myrepo",
 *   ref: { type: "tag", name: "v1.2.3" },
 *   storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"],
 * };
 * ```
 *
 * @public
 */
export interface PromotionRequest extends Omit<PushRequest, "job" | "caches"> {
  /** Id of the cache that has the paths; `promote_from` of the target names it. */
  readonly from: string;
  /** Id of the cache that gets them: its permissions decide. */
  readonly to: string;
  /** Name of the job, for the records; default `promotion`. */
  readonly job?: string | undefined;
}

/**
 * A promotion as a queue takes it.
 *
 * @example
 * ```ts
 * await queue.enqueue({
 *   kind: "promotion",
 *   from: "staging",
 *   to: "production",
 *   repository: "myorg/myrepo",
 *   storePaths: outputs,
 * });
 * ```
 *
 * @public
 */
export interface QueuedPromotion extends PromotionRequest {
  readonly kind: "promotion";
}

/**
 * Options of {@link CacheRegistry.push}.
 *
 * @example
 * ```ts
 * const options: PushOptions = { timeoutMs: 120_000, signal: AbortSignal.timeout(180_000) };
 * ```
 *
 * @public
 */
export interface PushOptions {
  /** Ends the push; caches that are not done are reported as `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Longest the push to one cache may take, in milliseconds; at most, and by default,
   * `max_hook_timeout_seconds`.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Longest a push to a cache may make no progress, in milliseconds; default: as long as it may take. Of nix
   * and of a direct upload, progress is every step and every byte; of other tools every output, and they are
   * silent while they upload a large path.
   */
  readonly stallTimeoutMs?: number | undefined;
  /**
   * Tells which paths a cache has for certain, as a ledger does that has recorded them a moment ago: they
   * count as confirmed, and nothing is run or asked for them. `fingerprint` is that of
   * {@link ExecutedPush.fingerprint}: of another one, nothing is known. Policy and the rules about closures
   * hold all the same. It is not asked for caches with `after_push`, and its failure means that it knows
   * nothing. Default: every path is asked for.
   */
  readonly findConfirmed?:
    | ((cacheId: string, storePaths: readonly string[], fingerprint: string) => PromiseLike<Iterable<string>>)
    | undefined;
  /** Called with the tools' output as it comes, secrets redacted. A direct upload has none. */
  readonly onOutput?: ((chunk: PushOutputChunk) => void) | undefined;
  /** Called as a push goes on. */
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
}

/**
 * How far the push to one cache is. With several commands (more than 400 paths, or a second attempt with
 * fresh credentials) the numbers are those of the command that runs.
 *
 * @public
 */
export type PushProgress = CommandProgress & {
  /** The cache that is being pushed to. */
  readonly cacheId: string;
};

/**
 * A piece of a push tool's output.
 *
 * @public
 */
export interface PushOutputChunk extends OutputChunk {
  /** The cache that was being pushed to. */
  readonly cacheId: string;
}

/**
 * What happened to a push.
 *
 * @public
 */
export interface PushReport {
  /** Joins the report with its audit events. */
  readonly pushId: string;
  /**
   * Whether every result is `pushed`, `upstream`, `skipped` or a failure that its cache tolerates, and every
   * event was kept by the sinks.
   */
  readonly ok: boolean;
  /** One result for each cache id of the request, in its order, none twice. */
  readonly results: readonly PushResult[];
}

/**
 * What happened at one cache.
 *
 * @public
 */
export type PushResult =
  | PushedResult
  | UpstreamResult
  | SkippedResult
  | FailedResult
  | DeniedResult
  | AbortedResult;

/**
 * A path that a rule of the cache has left out.
 *
 * | reason | rule |
 * |---|---|
 * | `excluded` | its name matches a pattern of `exclude` |
 * | `too-large` | its NAR is larger than `max_nar_size` |
 * | `upstream` | one of `upstream_caches` has it |
 *
 * @public
 */
export interface SkippedPath {
  /** The store path. */
  readonly path: string;
  /** Which rule left it out. */
  readonly reason: "excluded" | "too-large" | "upstream";
}

/**
 * How paths get to a cache that nix can push to: nix sends them itself, or nix writes them into files that
 * this process sends.
 *
 * @public
 */
export type UploadWay =
  | { readonly way: "direct" }
  | {
      readonly way: "nix";
      /** Why it is not the direct one, for people. */
      readonly reason: string;
    };

/**
 * What a result says of the commands that ran.
 *
 * @public
 */
export interface ExecutedPush {
  /** The cache. */
  readonly cacheId: string;
  /** Why the push was allowed. */
  readonly decision: AllowDecision;
  /**
   * The paths that are there now, by what the cache says. What they refer to is known to be there only for
   * `confirmedPaths`.
   */
  readonly storePaths: readonly string[];
  /**
   * The paths for which nothing is left to do: a command that ended well brought them there, and the cache
   * has confirmed them, or it left them to an upstream. All of the request, of a `pushed` or `upstream`
   * result.
   */
  readonly confirmedPaths: readonly string[];
  /**
   * The paths that the cache leaves to an upstream, by the name of a key that has signed them: they are not
   * there. Whether the upstream has them is not asked.
   */
  readonly upstreamPaths: readonly string[];
  /**
   * The paths that rules of the cache have left out, each with its reason: nothing is left to do for them.
   */
  readonly skippedPaths: readonly SkippedPath[];
  /**
   * How each command ended, in order; of the questions to the cache afterwards, one that was not answered.
   */
  readonly executions: readonly ExecutionResult[];
  /**
   * Which way the paths went, or were to go, to an S3 or HTTP cache, and why; absent for other caches, and
   * where nothing was tried.
   */
  readonly upload?: UploadWay | undefined;
  /**
   * Stands for the destination of the cache, and the signatures that were asked for there: the same in two
   * results, their paths are in the same place by the same rules. Absent where the cache was not asked.
   */
  readonly fingerprint?: string | undefined;
  /**
   * Name of the key that this process signs with what it uploads; paths that were there before keep the
   * signatures that they have.
   */
  readonly signedBy?: string | undefined;
  /**
   * The paths among `confirmedPaths` that were not asked for now: {@link PushOptions.findConfirmed} told that
   * they are there.
   */
  readonly knownPaths?: readonly string[] | undefined;
  /** From start to end, in milliseconds. */
  readonly durationMs: number;
  /** Set if the end of the push could not be recorded by an audit sink. */
  readonly auditError?: PushError | undefined;
}

/**
 * The paths are in the cache, but for those that it leaves to an upstream.
 *
 * @public
 */
export interface PushedResult extends ExecutedPush {
  readonly status: "pushed";
}

/**
 * The cache leaves every path to an upstream, and has none of them.
 *
 * @public
 */
export interface UpstreamResult extends ExecutedPush {
  readonly status: "upstream";
}

/**
 * Rules of the cache have left every path out, or it leaves them to an upstream.
 *
 * @public
 */
export interface SkippedResult extends ExecutedPush {
  readonly status: "skipped";
}

/**
 * The push was allowed and did not succeed.
 *
 * @public
 */
export interface FailedResult extends ExecutedPush {
  readonly status: "failed";
  /** Why. */
  readonly error: AnyCachesError;
  /** Set if the cache says `on_failure = "warn"`, so that the report is none of failure. */
  readonly isTolerated?: true | undefined;
}

/**
 * The host ended the push.
 *
 * @public
 */
export interface AbortedResult extends ExecutedPush {
  readonly status: "aborted";
}

/**
 * The push was not allowed; nothing was read or run for it. Of a queue: no path was brought there before it
 * was denied.
 *
 * @public
 */
export interface DeniedResult {
  readonly status: "denied";
  /** The cache. */
  readonly cacheId: string;
  /** Why. */
  readonly decision: DenyDecision;
  /** Set if the decision could not be recorded by an audit sink. */
  readonly auditError?: PushError | undefined;
}
