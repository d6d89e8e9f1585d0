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
 * The registry that a queue pushes with, or a function that gives the one of the moment: a host that reads
 * its configuration anew swaps registries so, and what waits is decided on by the new one.
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
  /** Where accepted requests are kept; default in memory. The queue closes it. */
  readonly journal?: PushJournal | undefined;
  /**
   * What the queue does. A `producer` accepts requests, and needs neither Nix nor credentials: another queue
   * on the same journal delivers them, and its tickets resolve with what that reports. A `consumer` delivers,
   * and accepts nothing. Default `both`.
   */
  readonly role?: "producer" | "consumer" | "both" | undefined;
  /** Ports to use instead of Node's own: the clock, randomness and warnings. */
  readonly runtime?: Partial<Runtime> | undefined;
  /** Keeps what became of each path at each cache; default: nothing does. The queue closes it. */
  readonly ledger?: PushLedger | undefined;
  /**
   * How long a path that the ledger has as `pushed` to a cache counts as confirmed there: a delivery of such
   * paths alone is settled without a command or a question. Default 0: the cache is always asked. Choose less
   * than what the cache's garbage collector leaves.
   */
  readonly confirmedTtlMs?: number | undefined;
  /** Keeps queued paths from the garbage collector; default: nothing does. */
  readonly gcRoots?: GcRoots | undefined;
  /**
   * Most deliveries (a request at a cache each) that are open at once; `enqueue` waits for room. Default 10
   * 000.
   */
  readonly capacity?: number | undefined;
  /**
   * Commands at once for each cache, by all queues on the journal; default 2. With 1, deliveries of a
   * repository start in their order.
   */
  readonly concurrency?: number | undefined;
  /** How long the first delivery of a batch waits for others; default 20. */
  readonly lingerMs?: number | undefined;
  /** Most paths of a batch, 1 to 400; default 400. */
  readonly maxBatchPaths?: number | undefined;
  /** Attempts in a row without progress after which a path is given up; default 4. */
  readonly maxAttempts?: number | undefined;
  /** Bounds of the random delay between attempts; default 1 000 and 60 000. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number } | undefined;
  /** How long a delivery is tried at most; default 1 hour. */
  readonly deadlineMs?: number | undefined;
  /** How long a command may make no progress; see {@link PushOptions}. Default: as long as it may take. */
  readonly stallTimeoutMs?: number | undefined;
  /** How long a command may take; at most, and by default, `max_hook_timeout_seconds`. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the journal holds a batch for this queue without a sign of life, 30 to 86 400 000; default 60
   * 000. All queues on one journal have the same.
   */
  readonly leaseMs?: number | undefined;
  /** After how many leases that ended in silence a delivery is given up; default 5. */
  readonly maxCrashes?: number | undefined;
  /**
   * Names of the Nix stores whose paths this queue can push. The first is that of its own requests; default
   * `local`. Queues of several machines on one journal name theirs, so that nobody takes paths that it does
   * not have.
   */
  readonly stores?: readonly [string, ...string[]] | undefined;
  /** Called with the tools' output. */
  readonly onOutput?: PushOptions["onOutput"];
  /** Called as pushes go on. */
  readonly onProgress?: PushOptions["onProgress"];
  /** Called with what the queue does, as it does it. One that fails is not called again. */
  readonly onEvent?: ((event: QueueEvent) => void) | undefined;
  /**
   * Called when a delivery is settled, also one that an earlier process accepted. Its outcome is kept until
   * the call has returned, or its promise has resolved, so that it is told at least once, also after a crash.
   * A producer tells what it has accepted itself as soon as it finds the outcome, so give the consumers no
   * listener then, or expect each to tell it.
   */
  readonly onSettled?: ((settled: SettledDelivery) => void | PromiseLike<void>) | undefined;
}

/**
 * What became of a delivery.
 *
 * @public
 */
export interface SettledDelivery {
  /** Id of the delivery. Telling is at-least-once; the same id twice is the same outcome. */
  readonly deliveryId: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** What was pushed, and for whom; absent where the journal holds a request that cannot be read. */
  readonly request?: PushRequest | undefined;
  /** What happened at its cache. */
  readonly result: PushResult;
}

/**
 * A delivery that was given up.
 *
 * @public
 */
export interface DeadLetter {
  /** Its place in the order of acceptance. The next page goes on after it. */
  readonly position: number;
  /** Id of the delivery. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** What was to be pushed, and for whom; absent where the journal holds a request that cannot be read. */
  readonly request?: PushRequest | undefined;
  /** The paths that are not there. */
  readonly storePaths: readonly string[];
  /** When it was given up, in milliseconds since the Unix epoch. */
  readonly buriedAt: number;
  /** Code of the error that was the last straw. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
}

/**
 * A delivery, as the journal has it.
 *
 * @public
 */
export interface QueuedDelivery extends Omit<DeliveryRecord, "request" | "context"> {
  /** What to push, and for whom; absent where the journal holds a request that cannot be read. */
  readonly request?: PushRequest | undefined;
}

/**
 * How things stand at one cache.
 *
 * @public
 */
export interface QueueStats extends CacheStats, QueueRates {
  /**
   * Whether this queue tries the cache: while it is open, nothing is tried for `opensInMs` milliseconds, and
   * then one attempt.
   */
  readonly breaker: { readonly state: "closed" } | { readonly state: "open"; readonly opensInMs: number };
}

/**
 * How a queue fares, from what it knows already: nothing is asked.
 *
 * | status | meaning |
 * |---|---|
 * | `ok` | it works |
 * | `degraded` | it works, and something is missing: a cache is away, the host is short of something, or changes are not told at once |
 * | `failed` | the journal did not do what it was asked last, or cannot be relied on: nothing is accepted or delivered for now |
 *
 * @public
 */
export interface QueueHealth {
  /** All of it, in one word. */
  readonly status: "ok" | "degraded" | "failed";
  /** The journal. */
  readonly journal: JournalCondition;
  /** Whether changes that other hosts make are told at once; absent where there are none. */
  readonly isNotified?: boolean | undefined;
  /** The caches that seem to be away. */
  readonly closedLanes: readonly string[];
  /** Whether this host was short of memory, disk, processes or descriptors, and takes less for now. */
  readonly isHostShort: boolean;
}

/**
 * What `enqueue` gives for an accepted request.
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
  /** Ends the waiting; what runs goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait in milliseconds; default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
}
