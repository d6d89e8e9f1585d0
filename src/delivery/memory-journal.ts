import { type Clock, createNodeRuntime } from "../host/runtime.ts";
import { batchLimit } from "./crash-policy.ts";
import type { Journaled } from "./memory-row.ts";
import { MemoryTable } from "./memory-table.ts";
import { toPushIdConflict } from "./push-id-conflict.ts";
import type {
  Batch,
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  LeaseRequest,
  ListRequest,
  Outcome,
  PageRequest,
  PushJournal,
  Verdict,
} from "./push-journal.ts";
import { isServedBefore } from "./waiting-rows.ts";

/**
 * Options of {@link createMemoryJournal}.
 *
 * @example
 * ```ts
 * const options: MemoryJournalOptions = { clock: createFakeClock() };
 * ```
 *
 * @public
 */
export interface MemoryJournalOptions {
  /** Measures leases and ages; default that of Node.js, or of the queue that creates the journal. */
  readonly clock?: Clock | undefined;
}

/**
 * Creates a journal that lasts as long as the process.
 *
 * @param options - the clock
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { journal: createMemoryJournal() }); // the default
 * ```
 *
 * @public
 */
export function createMemoryJournal(options: MemoryJournalOptions = {}): PushJournal {
  return new MemoryJournal(options.clock ?? createNodeRuntime().clock);
}

/** How much is remembered of settled deliveries: their ids and outcomes. */
const SETTLED_BOUNDS = {
  /** Most deliveries. */
  most: 10_000,
  /** Most UTF-16 units of their results. */
  mostUnits: 16 * 1024 * 1024,
  /** Maximum number of untold outcomes. */
  mostUntold: 10_000,
};

interface HeldBatch {
  readonly cacheId: string;
  readonly rows: Set<Journaled>;
  heldUntil: number;
}

class MemoryJournal implements PushJournal {
  readonly isDurable = false;
  readonly isShared = false;
  readonly #clock: Clock;
  readonly #table = new MemoryTable();
  readonly #batches = new Map<string, HeldBatch>();
  /** When each cache was served last, as a count of leases. */
  readonly #servedAt = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #leases = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async accept(deliveries: readonly Delivery[]): Promise<readonly string[]> {
    const now = this.#now();
    const requests = new Map(deliveries.map(({ ticketId, request }) => [ticketId, request]));
    if (deliveries.some((one) => requests.get(one.ticketId) !== one.request || this.#table.conflicts(one)))
      throw toPushIdConflict();
    const fresh = deliveries.filter((delivery) => this.#table.add(delivery, now));
    if (fresh.length > 0) this.#tell();
    return fresh.map(({ id }) => id);
  }

  async lease(request: LeaseRequest): Promise<Batch | undefined> {
    const now = this.#now();
    this.#takeBack(now, request.maxCrashes);
    const leader = this.#findLeader(request, now);
    if (leader === undefined) return undefined;
    const limit = batchLimit(request.limit, leader.crashes);
    const rows = this.#table.waiting.findBatch(leader, now, limit, request);
    const token = String(++this.#leases);
    const { cacheId } = leader.delivery;
    this.#servedAt.set(cacheId, this.#leases);
    this.#batches.set(token, { cacheId, rows: new Set(rows), heldUntil: now + request.leaseMs });
    const deliveries = rows.map((row) => this.#table.hold(row, now));
    return { token, cacheId, deliveries };
  }

  async renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]> {
    const now = this.#now();
    return tokens.filter((token) => {
      const batch = this.#findHeld(token, now);
      if (batch !== undefined) batch.heldUntil = now + leaseMs;
      return batch === undefined;
    });
  }

  async settle(token: string, verdicts: readonly Verdict[]): Promise<boolean> {
    const now = this.#now();
    const batch = this.#findHeld(token, now);
    if (batch === undefined) return false;
    for (const verdict of verdicts) {
      const row = this.#table.get(verdict.id);
      if (row === undefined || !batch.rows.delete(row)) continue;
      this.#table.apply(row, verdict, now, this.#clock.now());
    }
    if (batch.rows.size === 0) this.#batches.delete(token);
    this.#table.forgetSettled(SETTLED_BOUNDS);
    this.#tell();
    return true;
  }

  async nextInMs(request: LeaseRequest): Promise<number | undefined> {
    const now = this.#now();
    let next = this.#table.waiting.nextReadyAt(now, request.lingerMs);
    for (const { heldUntil } of this.#batches.values()) if (heldUntil > now) next = Math.min(next, heldUntil);
    return next === Number.POSITIVE_INFINITY ? undefined : next - now;
  }

  async watch(listener: () => void): Promise<() => Promise<void>> {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return async () => void this.#listeners.delete(entry);
  }

  async outcomes(untoldForMs: number, page: PageRequest): Promise<readonly Outcome[]> {
    return this.#table.findUntold(this.#now() - untoldForMs, page);
  }

  async outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]> {
    return ids.flatMap((id) => this.#table.outcomeOf(id) ?? []);
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    this.#table.acknowledge(ids);
  }

  async deadLetters(page: PageRequest): Promise<readonly BuriedDelivery[]> {
    return this.#table.deadLetters(page);
  }

  async replay(ids: readonly string[]): Promise<number> {
    const count = this.#table.replay(ids, this.#now());
    if (count > 0) this.#tell();
    return count;
  }

  async drop(ids: readonly string[]): Promise<number> {
    return this.#table.drop(ids);
  }

  async list(request: ListRequest): Promise<readonly DeliveryRecord[]> {
    return this.#table.list(request, this.#now());
  }

  async find(ids: readonly string[]): Promise<readonly DeliveryRecord[]> {
    return this.#table.find(ids, this.#now());
  }

  async cancel(ids: readonly string[]): Promise<readonly string[]> {
    const cancelled = this.#table.cancel(ids, this.#now());
    if (cancelled.length > 0) this.#tell();
    return cancelled;
  }

  async stats(stores?: readonly string[]): Promise<readonly CacheStats[]> {
    return this.#table.stats(this.#now(), stores);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #now(): number {
    return this.#clock.monotonic();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #findHeld(token: string, now: number): HeldBatch | undefined {
    const batch = this.#batches.get(token);
    return batch === undefined || batch.heldUntil <= now ? undefined : batch;
  }

  /** Takes back deliveries of ended leases. */
  #takeBack(now: number, maxCrashes: number): void {
    for (const [token, { heldUntil, rows }] of this.#batches) {
      if (heldUntil > now) continue;
      this.#batches.delete(token);
      for (const row of rows) this.#table.crash(row, now, maxCrashes, this.#clock.now());
    }
  }

  /** The next delivery: the first ready one of the cache that was served longest ago. */
  #findLeader(request: LeaseRequest, now: number): Journaled | undefined {
    const held = new Map<string, number>();
    for (const { cacheId } of this.#batches.values()) held.set(cacheId, (held.get(cacheId) ?? 0) + 1);
    let first: Journaled | undefined;
    for (const leader of this.#table.waiting.findLeaders(now, request)) {
      if ((held.get(leader.delivery.cacheId) ?? 0) >= request.batchesPerCache) continue;
      if (first === undefined || this.#comesBefore(leader, first)) first = leader;
    }
    return first;
  }

  #comesBefore(row: Journaled, other: Journaled): boolean {
    const served = ({ delivery }: Journaled): number => this.#servedAt.get(delivery.cacheId) ?? 0;
    return served(row) < served(other) || (served(row) === served(other) && isServedBefore(row, other));
  }
}
