import { CRASHED } from "./crash-policy.ts";
import { byNumber, type Journaled, toOutcome, toRecord, unitsOf } from "./memory-row.ts";
import type {
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  LeasedDelivery,
  ListRequest,
  Outcome,
  PageRequest,
  Verdict,
} from "./push-journal.ts";
import { WaitingRows } from "./waiting-rows.ts";

/** What is remembered of settled deliveries. */
export interface SettledBounds {
  readonly most: number;
  readonly mostUnits: number;
  readonly mostUntold: number;
}

/** The deliveries of the memory journal, and their transitions. */
export class MemoryTable {
  readonly #rows = new Map<string, Journaled>();
  /** The rows of each ticket. */
  readonly #tickets = new Map<string, Set<Journaled>>();
  readonly waiting = new WaitingRows<Journaled>();
  /** Settled and told; not dead letters. */
  readonly #settled = new Set<Journaled>();
  #settledUnits = 0;
  /** Settled or dead, with untold outcomes. */
  readonly #untold = new Set<Journaled>();
  #accepted = 0;

  get(id: string): Journaled | undefined {
    return this.#rows.get(id);
  }

  /** Whether the ticket of a delivery belongs to another request. */
  conflicts({ ticketId, request }: Delivery): boolean {
    const [known] = this.#tickets.get(ticketId) ?? [];
    return known !== undefined && known.delivery.request !== request;
  }

  /** @returns false if the id is already known */
  add(delivery: Delivery, now: number): boolean {
    if (this.#rows.has(delivery.id)) return false;
    const row: Journaled = {
      delivery,
      number: this.#accepted++,
      state: "waiting",
      acceptedAt: now,
      readyAt: now,
      attempts: 0,
      crashes: 0,
      settledAt: 0,
    };
    this.#rows.set(delivery.id, row);
    const siblings = this.#tickets.get(delivery.ticketId) ?? new Set();
    this.#tickets.set(delivery.ticketId, siblings.add(row));
    this.waiting.add(row);
    return true;
  }

  hold(row: Journaled, now: number): LeasedDelivery {
    this.waiting.remove(row);
    row.state = "held";
    row.attempts++;
    const { delivery, acceptedAt, attempts, crashes, progress } = row;
    return { ...delivery, ageMs: now - acceptedAt, attempts, crashes, progress };
  }

  apply(row: Journaled, verdict: Verdict, now: number, wallClock: number): void {
    switch (verdict.status) {
      case "done":
        this.#settle(row, "settled", now, verdict);
        break;
      case "dead":
        row.progress = verdict.progress;
        this.#bury(row, now, verdict, wallClock);
        break;
      case "retry":
        row.progress = verdict.progress;
        row.crashes = 0;
        this.#wait(row, now + Math.max(0, verdict.inMs));
        break;
      case "released":
        row.attempts--;
        this.#wait(row, row.readyAt);
        break;
    }
  }

  /** The lease of a row ended without renewal. */
  crash(row: Journaled, now: number, maxCrashes: number, wallClock: number): void {
    row.crashes++;
    if (row.crashes < maxCrashes) this.#wait(row, now);
    else this.#bury(row, now, { ...CRASHED, isTold: false }, wallClock);
  }

  findUntold(settledBefore: number, { after = -1, limit }: PageRequest): readonly Outcome[] {
    return [...this.#untold]
      .filter(({ number, settledAt }) => number > after && settledAt <= settledBefore)
      .sort(byNumber)
      .slice(0, limit)
      .map(toOutcome);
  }

  outcomeOf(id: string): Outcome | undefined {
    const row = this.#rows.get(id);
    return row?.state === "settled" || row?.state === "dead" ? toOutcome(row) : undefined;
  }

  acknowledge(ids: readonly string[]): void {
    for (const id of ids) {
      const row = this.#rows.get(id);
      if (row !== undefined && this.#untold.delete(row) && row.state === "settled") this.#keepSettled(row);
    }
  }

  /** Forgets the oldest settled deliveries, and the oldest untold outcomes. */
  forgetSettled({ most, mostUnits, mostUntold }: SettledBounds): void {
    for (const { delivery } of this.#untold) {
      if (this.#untold.size <= mostUntold) break;
      this.acknowledge([delivery.id]);
    }
    for (const row of this.#settled) {
      if (this.#settled.size <= most && this.#settledUnits <= mostUnits) return;
      this.#settled.delete(row);
      this.#settledUnits -= unitsOf(row);
      this.#forget(row);
    }
  }

  deadLetters({ after = -1, limit }: PageRequest): readonly BuriedDelivery[] {
    const dead = [...this.#rows.values()].filter(({ state, number }) => state === "dead" && number > after);
    return dead
      .sort(byNumber)
      .slice(0, limit)
      .flatMap(({ number, delivery, letter, progress }) =>
        letter === undefined ? [] : [{ position: number, ...delivery, ...letter, progress }],
      );
  }

  replay(ids: readonly string[], now: number): number {
    const rows = this.#findDead(ids);
    for (const row of rows) {
      this.#untold.delete(row);
      Object.assign(row, { acceptedAt: now, attempts: 0, crashes: 0 });
      Object.assign(row, { progress: undefined, result: undefined, letter: undefined });
      this.#wait(row, now);
    }
    return rows.length;
  }

  drop(ids: readonly string[]): number {
    const rows = this.#findDead(ids);
    for (const row of rows) {
      if (this.#untold.has(row)) row.state = "settled";
      else this.#forget(row);
    }
    return rows.length;
  }

  list({ after = -1, limit, cacheId, states }: ListRequest, now: number): readonly DeliveryRecord[] {
    return [...this.#rows.values()]
      .filter(({ number }) => number > after)
      .filter(({ delivery }) => cacheId === undefined || delivery.cacheId === cacheId)
      .filter(({ state }) => states?.includes(state) !== false)
      .sort(byNumber)
      .slice(0, limit)
      .map((row) => toRecord(row, now));
  }

  find(ids: readonly string[], now: number): readonly DeliveryRecord[] {
    const rows = [...new Set(ids)].flatMap((id) => this.#rows.get(id) ?? []);
    return rows.sort(byNumber).map((row) => toRecord(row, now));
  }

  /** Settles what waits, and returns its ids. */
  cancel(ids: readonly string[], now: number): readonly string[] {
    return ids.filter((id) => {
      const row = this.#rows.get(id);
      if (row?.state !== "waiting") return false;
      this.waiting.remove(row);
      row.isCancelled = true;
      this.#settle(row, "settled", now, { isTold: false });
      return true;
    });
  }

  stats(now: number, stores: readonly string[] | undefined): readonly CacheStats[] {
    const stats = new Map<string, { -readonly [Key in keyof CacheStats]: CacheStats[Key] }>();
    for (const { delivery, state, acceptedAt, attempts } of this.#rows.values()) {
      if (state === "settled" || stores?.includes(delivery.storeId) === false) continue;
      const { cacheId } = delivery;
      const own = stats.get(cacheId) ?? { cacheId, waiting: 0, held: 0, dead: 0, oldestMs: 0, attempts: 0 };
      own[state]++;
      if (state !== "dead") {
        own.oldestMs = Math.max(own.oldestMs, now - acceptedAt);
        own.attempts += attempts;
      }
      stats.set(cacheId, own);
    }
    return [...stats.values()];
  }

  #findDead(ids: readonly string[]): readonly Journaled[] {
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#rows.get(id);
      return row?.state === "dead" ? [row] : [];
    });
  }

  #forget(row: Journaled): void {
    const { id, ticketId } = row.delivery;
    this.#rows.delete(id);
    const siblings = this.#tickets.get(ticketId);
    siblings?.delete(row);
    if (siblings?.size === 0) this.#tickets.delete(ticketId);
  }

  #wait(row: Journaled, readyAt: number): void {
    row.state = "waiting";
    row.readyAt = readyAt;
    this.waiting.add(row);
  }

  #settle(row: Journaled, state: "settled" | "dead", now: number, { result, isTold }: Ending): void {
    row.state = state;
    row.settledAt = now;
    row.result = result;
    if (!isTold) this.#untold.add(row);
    else if (state === "settled") this.#keepSettled(row);
  }

  #keepSettled(row: Journaled): void {
    this.#settled.add(row);
    this.#settledUnits += unitsOf(row);
  }

  #bury(row: Journaled, now: number, { code, message, ...ending }: Burial, buriedAt: number): void {
    row.letter = { buriedAt, code, message };
    this.#settle(row, "dead", now, ending);
  }
}

interface Ending {
  readonly result?: string | undefined;
  readonly isTold: boolean;
}

interface Burial extends Ending {
  readonly code: string;
  readonly message: string;
}
