import type { Clock } from "../host/runtime.ts";
import type { QueueEvent } from "./queue-events.ts";

/**
 * How often something happened in the last minute.
 *
 * @public
 */
export interface QueueRates {
  /** Deliveries of this queue that were done in the last minute. */
  readonly settledPerMinute: number;
  /** Attempts of this queue that failed in the last minute and are repeated. */
  readonly retriedPerMinute: number;
  /** Deliveries that this queue has given up in the last minute. */
  readonly buriedPerMinute: number;
}

const SECONDS = 60;

/** Counts by the second, for one minute. */
class MinuteCount {
  readonly #counts = new Array<number>(SECONDS).fill(0);
  #second = 0;

  add(second: number): void {
    this.#advance(second);
    const slot = second % SECONDS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  total(second: number): number {
    this.#advance(second);
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  #advance(second: number): void {
    const steps = Math.min(SECONDS, second - this.#second);
    for (let step = 1; step <= steps; step++) this.#counts[(this.#second + step) % SECONDS] = 0;
    // Everything older than a minute is dropped, whatever slot it was in.
    if (steps === SECONDS) this.#counts.fill(0);
    this.#second = Math.max(this.#second, second);
  }
}

interface CacheCounts {
  readonly settled: MinuteCount;
  readonly retried: MinuteCount;
  readonly buried: MinuteCount;
}

/**
 * How many deliveries of each cache end in what way, in the last minute. Caches are few: those of the
 * configuration.
 */
export class QueueMeter {
  readonly #clock: Clock;
  readonly #caches = new Map<string, CacheCounts>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly record = (event: QueueEvent): void => {
    switch (event.type) {
      case "delivery.settled":
        this.#of(event.cacheId).settled.add(this.#second());
        break;
      case "delivery.retried":
        this.#of(event.cacheId).retried.add(this.#second());
        break;
      case "delivery.buried":
        this.#of(event.cacheId).buried.add(this.#second());
        break;
      case "delivery.accepted":
      case "delivery.started":
      case "delivery.abandoned":
      case "lane.closed":
      case "lane.opened":
        break;
    }
  };

  ratesOf(cacheId: string): QueueRates {
    const counts = this.#caches.get(cacheId);
    const total = (count: MinuteCount | undefined): number => count?.total(this.#second()) ?? 0;
    return {
      settledPerMinute: total(counts?.settled),
      retriedPerMinute: total(counts?.retried),
      buriedPerMinute: total(counts?.buried),
    };
  }

  #of(cacheId: string): CacheCounts {
    const known = this.#caches.get(cacheId);
    if (known !== undefined) return known;
    const counts = { settled: new MinuteCount(), retried: new MinuteCount(), buried: new MinuteCount() };
    this.#caches.set(cacheId, counts);
    return counts;
  }

  #second(): number {
    return Math.floor(this.#clock.monotonic() / 1_000);
  }
}
