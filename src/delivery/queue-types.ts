import type { Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushOptions, PushReport, PushRequest, PushResult } from "../registry/push-types.ts";
import type { GcRoots } from "./gc-roots.ts";
import type { PushLedger } from "./ledger/push-ledger.ts";
import type { JournalCondition } from "./observed-journal.ts";
import type { CacheStats, DeliveryRecord, PushJournal } from "./push-journal.ts";
import type { QueueEvent } from "./queue-events.ts";
import type { QueueRates } from "./queue-meter.ts";

/**
 * The registry of a queue, or a function that returns the current one. With a function, a host can reload its
 * configuration, and waiting deliveries are then judged by the new one.
 *
 * @public
 */
export type RegistrySource = CacheRegistry | (() => CacheRegistry);

/**
 * Options of {@link PushQueue}. Times are in milliseconds.
 *
 * @example
 * ```ts
 * const options: PushQueueOptions = {
 *   journal: createSqliteJournal("/var/lib/eka-ci/pushes.sqlite"),
 *   stallTimeoutMs: 120_000,
 *   onSettled: ({ ticketId, result }) => log(`${ticketId} ${result.cacheId} ${result.status}`),
 * };
 * ```
 *
 * @public
 */
export interface PushQueueOptions {
  /** Where accepted requests are stored; default in memory. The queue closes it. */
  readonly journal?: PushJournal | undefined;
  /**
   * What the queue does. A `producer` accepts requests and needs neither Nix nor credentials. Another queue
   * on the same journal delivers them, and the tickets resolve with its reports. A `consumer` only delivers.
   * Default `both`.
   */
  readonly role?: "producer" | "consumer" | "both" | undefined;
  /** Ports to use instead of those of Node.js: the clock, randomness and warnings. */
  readonly runtime?: Partial<Runtime> | undefined;
  /** Records the outcome of each path at each cache; default none. The queue closes it. */
  readonly ledger?: PushLedger | undefined;
  /**
   * How long a path that the ledger has as `pushed` counts as confirmed. A delivery that has only such paths
   * is settled without a command or a request. Default 0: the cache is always asked. Choose less than the
   * shortest life of a path in the cache.
   */
  readonly confirmedTtlMs?: number | undefined;
  /** Protects queued paths from the garbage collector; default none. */
  readonly gcRoots?: GcRoots | undefined;
  /**
   * Maximum number of open deliveries (one request at one cache); `enqueue` waits for room. Default 10 000.
   */
  readonly capacity?: number | undefined;
  /**
   * Concurrent commands for each cache, of all queues on the journal; default 2. With 1, deliveries of a
   * repository start in order.
   */
  readonly concurrency?: number | undefined;
  /** How long the first delivery of a batch waits for others; default 20. */
  readonly lingerMs?: number | undefined;
  /** Maximum number of paths of a batch, 1 to 400; default 400. */
  readonly maxBatchPaths?: number | undefined;
  /** After how many attempts in a row without progress a path is given up; default 4. */
  readonly maxAttempts?: number | undefined;
  /** Limits of the random delay between attempts; default 1 000 and 60 000. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number } | undefined;
  /** How long a delivery is tried; default 1 hour. */
  readonly deadlineMs?: number | undefined;
  /** How long a command may make no progress; see {@link PushOptions}. Default without limit. */
  readonly stallTimeoutMs?: number | undefined;
  /** How long a command may take; at most, and by default, `max_hook_timeout_seconds`. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the journal holds a batch for this queue without renewal, 30 to 86 400 000; default 60
   * 000. All queues on one journal must have the same.
   */
  readonly leaseMs?: number | undefined;
  /** After how many leases that ended without renewal a delivery is given up; default 5. */
  readonly maxCrashes?: number | undefined;
  /**
   * Names of the Nix stores whose paths this queue can push. The first is the store of its own requests;
   * default `local`. If queues of several machines share a journal, name their stores, so that no queue takes
   * paths that it does not have.
   */
  readonly stores?: readonly [string, ...string[]] | undefined;
  /** Called with the tools' output. */
  readonly onOutput?: PushOptions["onOutput"];
  /** Called with the progress of pushes. */
  readonly onProgress?: PushOptions["onProgress"];
  /** Called with what the queue does, as it happens. If it fails, it is not called again. */
  readonly onEvent?: ((event: QueueEvent) => void) | undefined;
  /**
   * Called when a delivery is settled, including deliveries that an earlier process accepted. The outcome is
   * kept until the call returns or its promise resolves. So it is told at least once, even after a crash. A
   * producer tells outcomes of its own requests when it finds them. Give consumers no listener then, or
   * expect both to call theirs.
   */
  readonly onSettled?: ((settled: SettledDelivery) => void | PromiseLike<void>) | undefined;
}

/**
 * The outcome of a delivery.
 *
 * @public
 */
export interface SettledDelivery {
  /** Id of the delivery. Telling is at-least-once; the same id is the same outcome. */
  readonly deliveryId: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** What was pushed, and for whom; absent if the stored request cannot be read. */
  readonly request?: PushRequest | undefined;
  /** The outcome at its cache. */
  readonly result: PushResult;
}

/**
 * A delivery that was given up.
 *
 * @public
 */
export interface DeadLetter {
  /** Its position in the order of acceptance. The next page starts after it. */
  readonly position: number;
  /** Id of the delivery. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** What was to be pushed, and for whom; absent if the stored request cannot be read. */
  readonly request?: PushRequest | undefined;
  /** The missing paths. */
  readonly storePaths: readonly string[];
  /** When it was given up, in milliseconds since the Unix epoch. */
  readonly buriedAt: number;
  /** Code of the last error. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
}

/**
 * A delivery in the journal.
 *
 * @public
 */
export interface QueuedDelivery extends Omit<DeliveryRecord, "request" | "context"> {
  /** What to push, and for whom; absent if the stored request cannot be read. */
  readonly request?: PushRequest | undefined;
}

/**
 * The state of one cache.
 *
 * @public
 */
export interface QueueStats extends CacheStats, QueueRates {
  /**
   * The circuit breaker of this queue for the cache. While it is open, nothing is tried for `opensInMs`
   * milliseconds, then one attempt.
   */
  readonly breaker: { readonly state: "closed" } | { readonly state: "open"; readonly opensInMs: number };
}

/**
 * The health of a queue, from what it already knows; nothing is queried.
 *
 * | status | meaning |
 * |---|---|
 * | `ok` | it works |
 * | `degraded` | it works, but a cache is away, the host is short of something, or changes are not notified at once |
 * | `failed` | the journal fails or is damaged: nothing is accepted or delivered for now |
 *
 * @public
 */
export interface QueueHealth {
  /** The whole, in one word. */
  readonly status: "ok" | "degraded" | "failed";
  /** The journal. */
  readonly journal: JournalCondition;
  /** Whether changes by other hosts are notified at once; absent if there are no other hosts. */
  readonly isNotified?: boolean | undefined;
  /** The caches that seem to be away. */
  readonly closedLanes: readonly string[];
  /**
   * Whether this host was short of memory, disk, processes or descriptors, and runs fewer batches for now.
   */
  readonly isHostShort: boolean;
}

/**
 * The result of `enqueue` for an accepted request.
 *
 * @public
 */
export interface PushTicket {
  /** Unique id; the `pushId` of its report. */
  readonly id: string;
  /** Ids of its deliveries: one for each cache that allows the request. */
  readonly deliveryIds: readonly string[];
  /** Resolves when every cache of the request is settled; never rejects. */
  readonly done: Promise<PushReport>;
}

/**
 * Options of {@link PushQueue.drain}.
 *
 * @example
 * ```ts
 * await queue.drain({ timeoutMs: 60_000 }).catch(() => log("The rest stays in the journal"));
 * ```
 *
 * @public
 */
export interface DrainOptions {
  /** Aborts the wait; running deliveries go on. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait in milliseconds; default without limit. */
  readonly timeoutMs?: number | undefined;
}
