import type { PushError } from "../core/errors.ts";
import type { ExecutionResult, OutputChunk } from "../execution/executor.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { AccessRequest, AllowDecision, DenyDecision } from "../policy/decision.ts";
import type { AnyCachesError } from "./any-error.ts";

/**
 * What to push, and for whom. Take repository, ref and paths from the CI server. Only `caches` may come from
 * the repository's file.
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
  /** Ids of caches. Duplicates are pushed to once. */
  readonly caches: readonly string[];
  /** Output paths, at least one; derivations are refused. Their closures are pushed as well. */
  readonly storePaths: readonly string[];
  /** The derivation that was built, for the audit log. */
  readonly drvPath?: string | undefined;
  /** The commit that was built, for the audit log. */
  readonly commit?: string | undefined;
  /**
   * Links the report to its audit events; 1 to 128 letters, digits and hyphens; default a new UUID. For a
   * queue it is an idempotency key: a request with the same id is accepted once.
   */
  readonly pushId?: string | undefined;
  /** The trace of the push, as in the header of W3C Trace Context; an invalid one is ignored. */
  readonly traceparent?: string | undefined;
}

/**
 * What to copy from one cache to another, and for whom. Take all of it from the CI server.
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
  /** Id of the cache that has the paths; `promote_from` of the target must name it. */
  readonly from: string;
  /** Id of the target cache. Its permissions decide. */
  readonly to: string;
  /** Name of the job, for the audit log; default `promotion`. */
  readonly job?: string | undefined;
}

/**
 * A promotion for a queue.
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
  /** Aborts the push; unfinished caches are reported as `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Timeout of the push to one cache, in milliseconds; at most, and by default, `max_hook_timeout_seconds`.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a push to a cache may make no progress, in milliseconds; default without limit. For Nix and a
   * direct upload, every step and byte is progress. For other tools, every output is; they are silent while
   * they upload a large path.
   */
  readonly stallTimeoutMs?: number | undefined;
  /**
   * Returns which paths a cache certainly has, for example because a ledger recorded them recently. They
   * count as confirmed, and nothing is run or asked for them. Answer only for the same
   * {@link ExecutedPush.fingerprint}. Policy and the rules about closures still apply. It is not called for
   * caches with `after_push`. If it fails, nothing is known. By default the cache is asked for every path.
   */
  readonly findConfirmed?:
    | ((cacheId: string, storePaths: readonly string[], fingerprint: string) => PromiseLike<Iterable<string>>)
    | undefined;
  /** Called with the tools' output as it arrives, with secrets redacted. A direct upload has none. */
  readonly onOutput?: ((chunk: PushOutputChunk) => void) | undefined;
  /** Called with the progress of a push. */
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
}

/**
 * Progress of the push to one cache. With several commands (more than 400 paths, or a retry with fresh
 * credentials) the numbers are those of the running command.
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
 * The outcome of a push.
 *
 * @public
 */
export interface PushReport {
  /** Links the report to its audit events. */
  readonly pushId: string;
  /**
   * Whether every result is `pushed`, `upstream`, `skipped` or a tolerated failure, and the sinks stored
   * every event.
   */
  readonly ok: boolean;
  /** One result for each cache id of the request, in order, without duplicates. */
  readonly results: readonly PushResult[];
}

/**
 * The outcome at one cache.
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
 * A path that a rule of the cache left out.
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
 * How paths are uploaded to a cache that Nix can push to: Nix sends them, or Nix writes them into files that
 * this process sends.
 *
 * @public
 */
export type UploadWay =
  | { readonly way: "direct" }
  | {
      readonly way: "nix";
      /** Why it is not `direct`, for people. */
      readonly reason: string;
    };

/**
 * What a result reports about the commands that ran.
 *
 * @public
 */
export interface ExecutedPush {
  /** The cache. */
  readonly cacheId: string;
  /** Why the push was allowed. */
  readonly decision: AllowDecision;
  /**
   * The paths that the cache says it has. Their references are known to be there only for `confirmedPaths`.
   */
  readonly storePaths: readonly string[];
  /**
   * The paths that are complete: a successful command pushed them and the cache confirmed them, or they are
   * left to an upstream. For a `pushed` or `upstream` result, all paths of the request.
   */
  readonly confirmedPaths: readonly string[];
  /**
   * The paths that the cache leaves to an upstream, by the name of a key that signed them. The cache does not
   * have them. Whether the upstream has them is not checked.
   */
  readonly upstreamPaths: readonly string[];
  /**
   * The paths that rules of the cache left out, each with its reason.
   */
  readonly skippedPaths: readonly SkippedPath[];
  /**
   * The results of the commands, in order, and of the queries of the cache afterwards, one that was not
   * answered.
   */
  readonly executions: readonly ExecutionResult[];
  /**
   * How the paths were, or would have been, uploaded to an S3 or HTTP cache, and why; absent for other
   * caches, and if nothing was tried.
   */
  readonly upload?: UploadWay | undefined;
  /**
   * Identifies the destination of the cache and the required signatures. If two results have the same
   * fingerprint, their paths are in the same place by the same rules. Absent if the cache was not asked.
   */
  readonly fingerprint?: string | undefined;
  /**
   * Name of the key with which this process signed what it uploaded. Paths that were already there keep their
   * signatures.
   */
  readonly signedBy?: string | undefined;
  /**
   * The paths among `confirmedPaths` that were not asked for now, because {@link PushOptions.findConfirmed}
   * returned them.
   */
  readonly knownPaths?: readonly string[] | undefined;
  /** From start to end, in milliseconds. */
  readonly durationMs: number;
  /** Set if the end of the push could not be recorded by an audit sink. */
  readonly auditError?: PushError | undefined;
}

/**
 * The paths are in the cache, except for those that it leaves to an upstream.
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
 * Rules of the cache left every path out, or the cache leaves them to an upstream.
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
  /**
   * Set if the cache has `on_failure = "warn"` and tolerates this failure, so that it does not make `ok` of
   * the report false.
   */
  readonly isTolerated?: true | undefined;
}

/**
 * The host aborted the push.
 *
 * @public
 */
export interface AbortedResult extends ExecutedPush {
  readonly status: "aborted";
}

/**
 * The push was not allowed; nothing was read or run for it. In a queue: no path was pushed before it was
 * denied.
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
