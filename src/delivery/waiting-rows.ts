import type { LeaseRequest } from "./push-journal.ts";

/** What decides when a waiting delivery may be taken. */
export interface WaitingRow {
  readonly delivery: { readonly cacheId: string; readonly storeId: string; readonly repository: string };
  /** Its place in the order of acceptance. */
  readonly number: number;
  readonly acceptedAt: number;
  readonly readyAt: number;
  readonly attempts: number;
  readonly crashes: number;
}

/**
 * Rows in the order of service. Their sort keys do not change while they are in here.
 */
class ServiceOrder<Row extends WaitingRow> {
  readonly #rows: Row[] = [];

  get first(): Row | undefined {
    return this.#rows[0];
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#rows.values();
  }

  add(row: Row): void {
    this.#rows.splice(this.#placeOf(row), 0, row);
  }

  remove(row: Row): void {
    const place = this.#placeOf(row);
    if (this.#rows[place] === row) this.#rows.splice(place, 1);
  }

  /** The first that becomes ready after a given time. */
  firstAfter(time: number): Row | undefined {
    return this.#rows[this.#find((row) => row.readyAt > time)];
  }

  #placeOf(row: Row): number {
    return this.#find((other) => !isServedBefore(other, row));
  }

  /** The first position whose row passes a test that all later rows also pass. */
  #find(passes: (row: Row) => boolean): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row === undefined || passes(row)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What waits for one cache, with paths of one store. */
class WaitingLane<Row extends WaitingRow> {
  readonly cacheId: string;
  readonly storeId: string;
  /** Never leased, and ready since acceptance, so they are served in the order of acceptance. */
  readonly #fresh = new ServiceOrder<Row>();
  readonly #retried = new ServiceOrder<Row>();

  constructor({ cacheId, storeId }: WaitingRow["delivery"]) {
    this.cacheId = cacheId;
    this.storeId = storeId;
  }

  get isEmpty(): boolean {
    return this.#fresh.first === undefined && this.#retried.first === undefined;
  }

  add(row: Row): void {
    this.#orderOf(row).add(row);
  }

  remove(row: Row): void {
    this.#orderOf(row).remove(row);
  }

  /**
   * The row that leads the next batch. A row that was never leased first waits for others to share its batch.
   */
  findLeader(now: number, { lingerMs, minAgeMs = 0 }: LeaseRequest): Row | undefined {
    const oldest = this.#fresh.first;
    const isRipe = oldest !== undefined && now - oldest.acceptedAt >= Math.max(lingerMs, minAgeMs);
    const fresh = isRipe ? oldest : undefined;
    const retried = this.#findRetried(now, minAgeMs);
    if (fresh === undefined || retried === undefined) return fresh ?? retried;
    return isServedBefore(fresh, retried) ? fresh : retried;
  }

  /** When a row that may not lead yet will be able to. */
  nextReadyAt(now: number, lingerMs: number): number {
    const fresh = this.#fresh.firstAfter(now - lingerMs);
    const retried = this.#retried.firstAfter(now);
    return Math.min(
      fresh === undefined ? Number.POSITIVE_INFINITY : fresh.readyAt + lingerMs,
      retried?.readyAt ?? Number.POSITIVE_INFINITY,
    );
  }

  /** The rows that may share a batch with a leader, in the order of service. */
  *companions(leader: Row, now: number, minAgeMs: number): Generator<Row> {
    const { repository } = leader.delivery;
    for (const row of this.#inOrder(now)) {
      const isAlike = row.delivery.repository === repository && crashClass(row) === crashClass(leader);
      if (row !== leader && isAlike && now - row.acceptedAt >= minAgeMs) yield row;
    }
  }

  #findRetried(now: number, minAgeMs: number): Row | undefined {
    for (const row of this.#retried) {
      if (row.readyAt > now) return undefined;
      if (now - row.acceptedAt >= minAgeMs) return row;
    }
    return undefined;
  }

  /** All that are ready. */
  *#inOrder(now: number): Generator<Row> {
    const orders = [this.#fresh[Symbol.iterator](), this.#retried[Symbol.iterator]()] as const;
    const next = (order: Iterator<Row>): Row | undefined => {
      const { value, done } = order.next();
      return done === true || value.readyAt > now ? undefined : value;
    };
    let [fresh, retried] = [next(orders[0]), next(orders[1])];
    while (fresh !== undefined || retried !== undefined) {
      if (fresh !== undefined && (retried === undefined || isServedBefore(fresh, retried))) {
        yield fresh;
        fresh = next(orders[0]);
      } else if (retried !== undefined) {
        yield retried;
        retried = next(orders[1]);
      }
    }
  }

  #orderOf({ attempts }: Row): ServiceOrder<Row> {
    return attempts === 0 ? this.#fresh : this.#retried;
  }
}

/**
 * The waiting deliveries by cache and store, in the order of service, so that a lookup does not slow down
 * with their number.
 */
export class WaitingRows<Row extends WaitingRow> {
  readonly #lanes = new Map<string, WaitingLane<Row>>();

  add(row: Row): void {
    const key = toKey(row);
    const lane = this.#lanes.get(key) ?? new WaitingLane<Row>(row.delivery);
    this.#lanes.set(key, lane);
    lane.add(row);
  }

  /** Must be called before the sort keys of a row change. */
  remove(row: Row): void {
    const key = toKey(row);
    const lane = this.#lanes.get(key);
    lane?.remove(row);
    if (lane?.isEmpty === true) this.#lanes.delete(key);
  }

  /** The first row of each requested lane, if it may lead a batch. */
  findLeaders(now: number, request: LeaseRequest): readonly Row[] {
    const { stores, onlyCache, exceptCaches } = request;
    return [...this.#lanes.values()].flatMap((lane) => {
      const { cacheId, storeId } = lane;
      const isAsked = (onlyCache ?? cacheId) === cacheId && !exceptCaches.includes(cacheId);
      return isAsked && stores.includes(storeId) ? (lane.findLeader(now, request) ?? []) : [];
    });
  }

  /** A leader and the first rows of its batch. */
  findBatch(leader: Row, now: number, limit: number, { minAgeMs = 0 }: LeaseRequest): readonly Row[] {
    const batch = [leader];
    for (const row of this.#lanes.get(toKey(leader))?.companions(leader, now, minAgeMs) ?? []) {
      if (batch.length >= limit) break;
      batch.push(row);
    }
    return batch;
  }

  /** When the next row may lead that may not lead yet; infinite if there is none. */
  nextReadyAt(now: number, lingerMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) next = Math.min(next, lane.nextReadyAt(now, lingerMs));
    return next;
  }
}

/** Whether a row is served before another of the same cache. */
export function isServedBefore(row: WaitingRow, other: WaitingRow): boolean {
  return row.readyAt < other.readyAt || (row.readyAt === other.readyAt && row.number < other.number);
}

/** Those that crashed a host as often travel together. */
function crashClass({ crashes }: WaitingRow): number {
  return Math.min(crashes, 2);
}

function toKey({ delivery: { cacheId, storeId } }: WaitingRow): string {
  return JSON.stringify([cacheId, storeId]);
}
