import type { AnyCachesError } from "./any-error.ts";
import type { UploadWay } from "./push-types.ts";

/**
 * Options of {@link CacheRegistry.check}.
 *
 * @example
 * ```ts
 * const { ok } = await registry.check({ caches: ["prod-cache"], signal: AbortSignal.timeout(30_000) });
 * ```
 *
 * @public
 */
export interface CheckOptions {
  /** Ids of the caches to check; default all. */
  readonly caches?: readonly string[] | undefined;
  /**
   * Whether the destinations themselves are asked, with their credentials; default not at all. `read` asks
   * for the first file of each. `write` pushes a path of some hundred bytes to each, which stays there, and
   * has the cache confirm it; no permissions are asked, so it is for operators, and never for a repository.
   */
  readonly probe?: "read" | "write" | undefined;
  /** Ends the check. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether pushes could work.
 *
 * @public
 */
export interface CheckReport {
  /** Whether every tool answers, every cache's credentials are usable, and no probe failed. */
  readonly ok: boolean;
  /** The tools that the checked caches need. */
  readonly tools: readonly ToolCheck[];
  /** The checked caches. */
  readonly caches: readonly CacheCheck[];
}

/**
 * Whether a tool answers.
 *
 * @public
 */
export interface ToolCheck {
  /** Name of the executable. */
  readonly tool: string;
  /** Whether it ran and said its version. */
  readonly ok: boolean;
  /** First line of what it says of its version. */
  readonly version?: string | undefined;
  /** Why it did not answer. */
  readonly error?: AnyCachesError | undefined;
}

/**
 * Whether a cache's credentials can be fetched and are of use to its tool. Their values are not shown.
 *
 * @public
 */
export interface CacheCheck {
  /** The cache. */
  readonly cacheId: string;
  /** Whether its credentials are usable. */
  readonly ok: boolean;
  /** The `type` of their source; absent if no cache has this id. */
  readonly sourceType?: string | undefined;
  /** Names of the credentials; empty if they could not be fetched. */
  readonly names: readonly string[];
  /** When they end; absent where the source does not say. */
  readonly expiration?: Date | undefined;
  /** Which way paths go to an S3 or HTTP cache. */
  readonly upload?: UploadWay | undefined;
  /** What the rules of the cache leave out, refuse and tolerate, for people. */
  readonly rules: readonly string[];
  /** What works otherwise than the destination says: parameters that the installed version of nix ignores. */
  readonly warnings: readonly string[];
  /** What the destination answered, where it was probed. */
  readonly probe?: CacheProbe | undefined;
  /** Why they are not usable, why the tool cannot reach such a cache, or why the probe failed. */
  readonly error?: AnyCachesError | undefined;
}

/**
 * What a destination answered to a probe that did not fail.
 *
 * | finding | meaning |
 * |---|---|
 * | `there` | the cache answered the credentials with its first file |
 * | `empty` | the destination answered, and has no such file; the first push to it writes one |
 * | `confirmed` | a path was pushed, and the cache has it |
 * | `not-asked` | this process cannot ask: only nix can use the host's proxy, or the host's HTTP client keeps no connections |
 *
 * A cache that is open to all readers answers any credentials; only a `write` proves that they may push.
 *
 * @public
 */
export interface CacheProbe {
  /** What was tried. */
  readonly access: "read" | "write";
  /** What came of it. */
  readonly finding: "there" | "empty" | "confirmed" | "not-asked";
  /** The path that was pushed. */
  readonly storePath?: string | undefined;
}
