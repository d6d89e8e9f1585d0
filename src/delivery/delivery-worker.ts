import type { PushError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { BatchOptions, DeliveryContext, deliverBatch } from "./deliver-batch.ts";
import { HostLoad } from "./host-load.ts";
import { describeJournalFailure, isCorrupt } from "./journal-failure.ts";
import type { HeldBatch } from "./lease-holder.ts";
import { Pause } from "./pause.ts";
import type { LeaseRequest, PushJournal } from "./push-journal.ts";

/** What a worker needs. */
export interface DeliveryWorkerOptions extends DeliveryContext {
  readonly journal: PushJournal;
  /** Id of the queue. */
  readonly owner: string;
  readonly stores: readonly string[];
}

/** A batch that was taken, or nothing. */
type Taken = { readonly held: HeldBatch; readonly isOverdue: boolean } | undefined;

/** Longest pause, in milliseconds, even without a notification. */
const LONGEST_REST_MS = 20_000;

/** A producer delivers nothing. */
const loadDeliverBatch = lateImport(() => import("./deliver-batch.ts"));

/** The state of a lane: whether anything is tried there. */
export interface LaneState {
  readonly cacheId: string;
  /** How long nothing is tried, in milliseconds; 0 if the next attempt may start. */
  readonly opensInMs: number;
}

/** How often to look for what has waited beyond its deadline for a cache that is away. */
const OVERDUE_MS = 1_000;

/** The state of one cache for a worker. */
class Lane {
  readonly breaker: CircuitBreaker;
  readonly running = new Set<Promise<unknown>>();

  constructor(onChange: (closedForMs: number | undefined) => void) {
    this.breaker = new CircuitBreaker(onChange);
  }

  isOpen(now: number): boolean {
    return this.breaker.allows(now, this.running.size);
  }
}

/** Takes batches from the journal and delivers them, until it is stopped. */
export class DeliveryWorker {
  readonly #options: DeliveryWorkerOptions;
  readonly #pause: Pause;
  readonly #closing = new AbortController();
  readonly #lanes = new Map<string, Lane>();
  readonly #load = new HostLoad();
  #askedForOverdueAt = Number.NEGATIVE_INFINITY;
  #isFinishing = false;
  #taking: Promise<unknown> = Promise.resolve();
  #failure: PushError | undefined;

  constructor(options: DeliveryWorkerOptions) {
    this.#options = options;
    this.#pause = new Pause(options.runtime.clock);
  }

  /** Why no more batches are taken, if the journal is damaged. */
  get failure(): PushError | undefined {
    return this.#failure;
  }

  /** Whether the host was short of something and runs fewer batches. */
  get isHostShort(): boolean {
    return this.#load.isShort;
  }

  /** The lanes that are closed. */
  closedLanes(): readonly LaneState[] {
    const now = this.#now();
    return [...this.#lanes].flatMap(
      ([
        cacheId,
        {
          breaker: { opensAgainAt },
        },
      ]) => (opensAgainAt === undefined ? [] : [{ cacheId, opensInMs: Math.max(0, opensAgainAt - now) }]),
    );
  }

  /** Checks at once whether there is something to take. */
  wake(): void {
    this.#pause.wake();
  }

  /**
   * Takes and delivers batches. It settles after {@link DeliveryWorker.stop}, when the last batch has ended.
   */
  async run(): Promise<void> {
    const deliver = await this.#loadDeliver();
    while (deliver !== undefined && this.#isTaking) {
      const taking = this.#take();
      this.#taking = taking;
      const taken = await taking;
      if (taken === undefined) await this.#rest();
      else this.#start(taken, deliver);
    }
    await this.#idle();
  }

  get #isTaking(): boolean {
    return !this.#closing.signal.aborted && this.#failure === undefined && !this.#isFinishing;
  }

  /** A hindrance such as a lack of file descriptors passes. */
  async #loadDeliver(): Promise<typeof deliverBatch | undefined> {
    while (this.#isTaking) {
      try {
        return (await loadDeliverBatch()).deliverBatch;
      } catch {
        this.#options.runtime.warn("The code that delivers could not be loaded; it will be tried again");
        await this.#rest();
      }
    }
    return undefined;
  }

  /** Takes no more batches, and settles when the running ones have ended. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    this.#pause.wake();
    // A batch may be taken at this moment.
    await this.#taking;
    await this.#idle();
  }

  async #idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].flatMap(({ running }) => [...running]));
  }

  /** Takes no more batches, and aborts the running ones. */
  stop(): void {
    this.#closing.abort();
    this.#pause.wake();
  }

  #now(): number {
    return this.#options.runtime.clock.monotonic();
  }

  #laneOf(cacheId: string): Lane {
    const known = this.#lanes.get(cacheId);
    if (known !== undefined) return known;
    const { events } = this.#options;
    const lane = new Lane((forMs) => {
      if (forMs === undefined) events.emit({ type: "lane.opened", cacheId });
      else events.emit({ type: "lane.closed", cacheId, forMs });
    });
    this.#lanes.set(cacheId, lane);
    return lane;
  }

  /** The running batches. */
  get #running(): number {
    return [...this.#lanes.values()].reduce((sum, { running }) => sum + running.size, 0);
  }

  /** Leases the next batch. If the journal fails, it is asked again later. */
  async #take(): Promise<Taken> {
    const { journal, leases, runtime } = this.#options;
    try {
      for (const request of this.#toLeaseRequests()) {
        const askedAt = this.#now();
        const batch = await journal.lease(request);
        if (batch === undefined) continue;
        const isOverdue = request.minAgeMs !== undefined;
        // If one is overdue, others are.
        if (isOverdue) this.#askedForOverdueAt = Number.NEGATIVE_INFINITY;
        return { held: leases.hold(batch, askedAt), isOverdue };
      }
    } catch (error) {
      runtime.warn(describeJournalFailure(error));
      if (isCorrupt(error)) this.#fail(error);
    }
    return undefined;
  }

  /**
   * What may be taken. From a cache that is away, only deliveries beyond their deadline are taken, to be
   * given up.
   */
  #toLeaseRequests(): readonly LeaseRequest[] {
    const { bounds, deliveries } = this.#options;
    const room = deliveries.room();
    if (room === 0 || !this.#load.allows(this.#running)) return [];
    const now = this.#now();
    const closed = [...this.#lanes].flatMap(([cacheId, lane]) => (lane.isOpen(now) ? [] : [cacheId]));
    const away = closed.filter((cacheId) => this.#laneOf(cacheId).running.size === 0);
    const overdue = away.length > 0 && this.#isOverdueTurn(now) ? away : [];
    const limit = Math.min(room, bounds.maxBatchPaths);
    return [
      this.#toLeaseRequest({ exceptCaches: closed, limit }),
      ...overdue.map((onlyCache) =>
        this.#toLeaseRequest({ exceptCaches: [], onlyCache, minAgeMs: bounds.deadlineMs, limit }),
      ),
    ];
  }

  /** Looking for overdue deliveries may read everything that waits, so it is not done on every wake. */
  #isOverdueTurn(now: number): boolean {
    if (now - this.#askedForOverdueAt < OVERDUE_MS) return false;
    this.#askedForOverdueAt = now;
    return true;
  }

  #toLeaseRequest(
    more: Pick<LeaseRequest, "exceptCaches" | "limit" | "onlyCache" | "minAgeMs">,
  ): LeaseRequest {
    const { bounds, owner, stores, deliveries } = this.#options;
    const { leaseMs, lingerMs, concurrency, maxCrashes, maxBatchPaths } = bounds;
    const linger = deliveries.isBatchFull(maxBatchPaths) ? 0 : lingerMs;
    return { owner, stores, leaseMs, lingerMs: linger, batchesPerCache: concurrency, maxCrashes, ...more };
  }

  #start({ held, isOverdue }: NonNullable<Taken>, deliver: typeof deliverBatch): void {
    const lane = this.#laneOf(held.batch.cacheId);
    const onAttempt = (isHostShort: boolean): void => {
      if (isHostShort) this.#load.shrink(this.#running);
      else this.#load.recover(this.#running);
    };
    const { breaker } = lane;
    const options: BatchOptions = { breaker, onAttempt, closing: this.#closing.signal, isOverdue };
    const delivering: Promise<void> = deliver(held, options, this.#options).finally(() => {
      // Whoever is woken checks how many run.
      lane.running.delete(delivering);
      this.#pause.wake();
    });
    lane.running.add(delivering);
  }

  /** Waits until something may be taken. */
  async #rest(): Promise<void> {
    const now = this.#now();
    const next = await this.#findNext();
    const openings = [...this.#lanes.values()].flatMap(({ breaker: { opensAgainAt } }) =>
      opensAgainAt === undefined || opensAgainAt <= now ? [] : [opensAgainAt - now],
    );
    const longest = Math.min(LONGEST_REST_MS, this.#options.bounds.leaseMs / 3);
    if (!this.#closing.signal.aborted) await this.#pause.wait(Math.min(longest, next, ...openings));
  }

  async #findNext(): Promise<number> {
    try {
      const next = await this.#options.journal.nextInMs(this.#toLeaseRequest({ exceptCaches: [], limit: 1 }));
      return next === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(next));
    } catch (error) {
      if (isCorrupt(error)) this.#fail(error);
      return Number.POSITIVE_INFINITY;
    }
  }

  #fail(error: PushError): void {
    this.#failure = error;
    this.#pause.wake();
  }
}
