import type { GitRef } from "../../policy/git-ref.ts";

/**
 * The outcome of one store path at one cache, for one request.
 *
 * @public
 */
export interface LedgerEntry {
  /** When it ended, as ISO 8601 in UTC with milliseconds, by the clock of the host that recorded it. */
  readonly time: string;
  /** The store path. */
  readonly storePath: string;
  /** The cache. */
  readonly cacheId: string;
  /** How it ended. */
  readonly outcome: LedgerOutcome;
  /**
   * Why: the rule that left it out, the reason of the denial, or the code of the error; absent for `pushed`
   * and `upstream`.
   */
  readonly reason?: string | undefined;
  /** Links it to the report and its audit events. */
  readonly pushId: string;
  /** The repository that asked for it. */
  readonly repository: string;
  /** What was built. */
  readonly ref?: GitRef | undefined;
  /** The commit that was built. */
  readonly commit?: string | undefined;
  /** The job that built it. */
  readonly job: string;
  /** Name of the key that signed the upload, if this process signed it. */
  readonly signedBy?: string | undefined;
  /**
   * That of the result, see {@link ExecutedPush.fingerprint}, if the cache confirmed the path then. Without
   * it, nothing is derived from the entry.
   */
  readonly fingerprint?: string | undefined;
}

/**
 * | outcome | the path |
 * |---|---|
 * | `pushed` | is in the cache, which has confirmed it |
 * | `upstream` | is left to an upstream by the cache |
 * | `skipped` | was left out by a rule of the cache |
 * | `denied` | was not allowed by policy |
 * | `failed` | was given up |
 *
 * @public
 */
export type LedgerOutcome = "pushed" | "upstream" | "skipped" | "denied" | "failed";

/** All outcomes, the good ones first. */
export const OUTCOMES: readonly LedgerOutcome[] = ["pushed", "upstream", "skipped", "denied", "failed"];

/** Whether the path of the entry is complete. */
export function isGood(outcome: LedgerOutcome): boolean {
  return outcome !== "denied" && outcome !== "failed";
}

/**
 * A query of a ledger. Absent members match anything.
 *
 * @example
 * ```ts
 * const entries = await ledger.find({ storePath: "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12", limit: 10 });
 * ```
 *
 * @public
 */
export interface LedgerQuery {
  /** The store path. */
  readonly storePath?: string | undefined;
  /** The cache. */
  readonly cacheId?: string | undefined;
  /** The repository, as written in the request. */
  readonly repository?: string | undefined;
  /** The job. */
  readonly job?: string | undefined;
  /** How they ended. */
  readonly outcomes?: readonly LedgerOutcome[] | undefined;
  /** Only entries before this one, such as the last of a page. Pages go back in time. */
  readonly before?: Pick<LedgerPosition, "position"> | undefined;
  /** Maximum number of entries, 1 to 1 000. */
  readonly limit: number;
}

/**
 * The position of an entry in the order of recording.
 *
 * @public
 */
export interface LedgerPosition {
  /** A growing number. An entry that is recorded again gets a new one. */
  readonly position: number;
}

/**
 * An entry in a ledger.
 *
 * @public
 */
export type RecordedEntry = LedgerEntry & LedgerPosition;

/**
 * Records the outcome of each store path at each cache, for a bounded time. A queue writes it. It decides
 * nothing, except with {@link PushQueueOptions.confirmedTtlMs}. `describePushLedger` of the testing entry
 * tests this contract.
 *
 * @example
 * ```ts
 * const ledger: PushLedger = createMemoryLedger();
 * const queue = new PushQueue(registry, { ledger });
 * ```
 *
 * @public
 */
export interface PushLedger {
  /**
   * Records entries. An entry of the same cache, path and `pushId` is replaced, but a good outcome never by
   * `denied` or `failed`, because two hosts may report one delivery.
   */
  record(entries: readonly LedgerEntry[]): Promise<void>;
  /** Finds entries, the last recorded first. */
  find(query: LedgerQuery): Promise<readonly RecordedEntry[]>;
  /**
   * What is owed: the paths whose last matching entry is `denied` or `failed`, and that no push ever brought
   * to that cache or left to an upstream. The last recorded first.
   */
  owed(query: Omit<LedgerQuery, "outcomes">): Promise<readonly RecordedEntry[]>;
  /**
   * Which paths were recorded as `pushed` to a cache with this fingerprint, at most this many milliseconds
   * ago.
   */
  confirmed(
    cacheId: string,
    storePaths: readonly string[],
    withinMs: number,
    fingerprint: string,
  ): Promise<readonly string[]>;
  /** Closes files and connections. */
  close(): Promise<void>;
}

/**
 * How much a ledger keeps.
 *
 * @example
 * ```ts
 * const bounds: LedgerBounds = { maxEntries: 100_000, maxAgeMs: 30 * 24 * 3_600_000 };
 * ```
 *
 * @public
 */
export interface LedgerBounds {
  /** Maximum number of entries, at least 1; default 1 000 000. The oldest are removed first. */
  readonly maxEntries?: number | undefined;
  /** How long an entry is kept, in milliseconds, at least a minute; default 90 days. */
  readonly maxAgeMs?: number | undefined;
}

const DAY_MS = 24 * 3_600_000;

/** How much is kept, and after how many entries old ones are removed. */
export interface KeptBounds {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
  readonly pruneEvery: number;
}

/** @throws RangeError for limits that keep nothing */
export function toKeptBounds({ maxEntries = 1_000_000, maxAgeMs = 90 * DAY_MS }: LedgerBounds): KeptBounds {
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1)
    throw new RangeError("maxEntries is an integer of at least 1");
  if (!(maxAgeMs >= 60_000)) throw new RangeError("maxAgeMs is at least a minute");
  return { maxEntries, maxAgeMs, pruneEvery: Math.max(1, Math.min(1_000, Math.floor(maxEntries / 10))) };
}

/** Maximum number of entries of one answer. */
const MAX_PAGE = 1_000;

/** How many entries a query gets. */
export function toLimit({ limit }: Pick<LedgerQuery, "limit">): number {
  return Math.min(Math.max(1, Math.floor(limit) || 1), MAX_PAGE);
}
