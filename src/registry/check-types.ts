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
   * Whether to ask the destinations, with their credentials; default no. `read` asks each for its first file.
   * `write` pushes a path of some hundred bytes to each and asks the cache for it; the path stays there.
   * Permissions are not evaluated, so this is for operators, never for a repository.
   */
  readonly probe?: "read" | "write" | undefined;
  /** Aborts the check. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether pushes could work.
 *
 * @public
 */
export interface CheckReport {
  /** Whether every tool runs, every cache's credentials are usable, and no probe failed. */
  readonly ok: boolean;
  /** The tools that the checked caches need. */
  readonly tools: readonly ToolCheck[];
  /** The checked caches. */
  readonly caches: readonly CacheCheck[];
}

/**
 * Whether a tool runs.
 *
 * @public
 */
export interface ToolCheck {
  /** Name of the executable. */
  readonly tool: string;
  /** Whether it ran and printed its version. */
  readonly ok: boolean;
  /** First line of its version output. */
  readonly version?: string | undefined;
  /** Why it did not run. */
  readonly error?: AnyCachesError | undefined;
}

/**
 * Whether a cache's credentials can be fetched and fit its tool. Their values are not shown.
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
  /** When they expire; absent if the source does not say. */
  readonly expiration?: Date | undefined;
  /** How paths are uploaded to an S3 or HTTP cache. */
  readonly upload?: UploadWay | undefined;
  /** What the rules of the cache leave out, refuse and tolerate, for people. */
  readonly rules: readonly string[];
  /** Differences from the destination: parameters that the installed version of Nix ignores. */
  readonly warnings: readonly string[];
  /** What the destination answered, if it was probed. */
  readonly probe?: CacheProbe | undefined;
  /** Why they are not usable, why the tool does not support such a cache, or why the probe failed. */
  readonly error?: AnyCachesError | undefined;
}

/**
 * What a destination answered to a probe that did not fail.
 *
 * | finding | meaning |
 * |---|---|
 * | `there` | the cache answered the credentials with its first file |
 * | `empty` | the destination answered, and has no such file; the first push writes it |
 * | `confirmed` | a path was pushed, and the cache has it |
 * | `not-asked` | this process cannot ask: only Nix can use the host's proxy, or the host's HTTP client has no sessions |
 *
 * A public cache answers with any credentials. Only `write` proves that they may push.
 *
 * @public
 */
export interface CacheProbe {
  /** What was tried. */
  readonly access: "read" | "write";
  /** The result. */
  readonly finding: "there" | "empty" | "confirmed" | "not-asked";
  /** The path that was pushed. */
  readonly storePath?: string | undefined;
}
