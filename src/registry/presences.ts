import { Presence } from "../binary-cache/presence.ts";
import type { Clock } from "../host/runtime.ts";

/** What the caches of a registry had a while ago. */
export class Presences {
  readonly #presences = new Map<string, Presence>();
  readonly #clock: Clock;
  readonly #ttlMs: number | undefined;

  /** @param ttlMs - how long a path is remembered, in milliseconds; 0 remembers nothing */
  constructor(clock: Clock, ttlMs: number | undefined) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /** What one cache had. */
  of(cacheId: string): Presence {
    const known = this.#presences.get(cacheId) ?? new Presence(this.#clock, this.#ttlMs);
    this.#presences.set(cacheId, known);
    return known;
  }
}
