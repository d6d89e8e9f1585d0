import type { Clock } from "../host/runtime.ts";

/** How long a path is remembered, in milliseconds. */
const DEFAULT_TTL_MS = 10 * 60_000;
/** How many paths of a cache are remembered; the oldest are forgotten first. */
const MAX_PATHS = 100_000;

/**
 * Remembers which paths a cache had. This is not a proof: its user asks for a sample, and forgets everything
 * if the cache lacks one.
 */
export class Presence {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  /** When each path was seen, the oldest first. */
  readonly #seenAt = new Map<string, number>();

  /**
   * @param ttlMs - how long to remember a path, in milliseconds; 0 remembers nothing, default 10 minutes
   */
  constructor(clock: Clock, ttlMs = DEFAULT_TTL_MS) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /** Whether a path is remembered. */
  has(path: string): boolean {
    const seenAt = this.#seenAt.get(path);
    if (seenAt === undefined) return false;
    if (this.#clock.monotonic() - seenAt < this.#ttlMs) return true;
    this.#seenAt.delete(path);
    return false;
  }

  /** Remembers paths that the cache has now. */
  add(paths: Iterable<string>): void {
    if (this.#ttlMs <= 0) return;
    const now = this.#clock.monotonic();
    for (const path of paths) {
      this.#seenAt.delete(path);
      this.#seenAt.set(path, now);
    }
    for (const path of this.#seenAt.keys()) {
      if (this.#seenAt.size <= MAX_PATHS) break;
      this.#seenAt.delete(path);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#seenAt.clear();
  }
}
