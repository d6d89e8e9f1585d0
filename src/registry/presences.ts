import { Presence } from "../binary-cache/presence.ts";
import type { Clock } from "../host/runtime.ts";

/** Remembers which paths the caches of a registry had. */
export class Presences {
  readonly #presences = new Map<string, Presence>();
  readonly #restingUntil = new Map<string, number>();
  readonly #clock: Clock;
  readonly #ttlMs: number | undefined;

  /** @param ttlMs - how long to remember a path, in milliseconds; 0 remembers nothing */
  constructor(clock: Clock, ttlMs: number | undefined) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /** Whether a cache is not asked, because it recently did not answer. */
  isResting(cacheId: string): boolean {
    return this.#clock.monotonic() < (this.#restingUntil.get(cacheId) ?? Number.NEGATIVE_INFINITY);
  }

  /** Does not ask a cache for some milliseconds. */
  rest(cacheId: string, ms: number): void {
    this.#restingUntil.set(cacheId, this.#clock.monotonic() + ms);
  }

  /** What one cache had. */
  of(cacheId: string): Presence {
    const known = this.#presences.get(cacheId) ?? new Presence(this.#clock, this.#ttlMs);
    this.#presences.set(cacheId, known);
    return known;
  }
}
