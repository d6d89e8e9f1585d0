import type { Clock } from "../host/runtime.ts";

/**
 * A clock that stands still until a test advances it.
 *
 * @example
 * ```ts
 * const clock: FakeClock = createFakeClock(new Date("2026-01-01T00:00:00Z"));
 * clock.advance(60_000);
 * ```
 *
 * @public
 */
export interface FakeClock extends Clock {
  /** Advances the time by this many milliseconds, and runs due callbacks on the way, in order. */
  advance(ms: number): void;
  /** The number of pending callbacks. */
  readonly pending: number;
}

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * Creates a clock for tests.
 *
 * @param start - the date it begins at; default 2026-01-01T00:00:00Z
 *
 * @example
 * ```ts
 * const clock = createFakeClock();
 * clock.schedule(() => console.log("a second later"), 1_000);
 * clock.advance(1_000);
 * ```
 *
 * @public
 */
export function createFakeClock(start: Date = new Date("2026-01-01T00:00:00Z")): FakeClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  const findNext = (until: number): Timer | undefined =>
    [...timers].filter(({ dueAt }) => dueAt <= until).sort((a, b) => a.dueAt - b.dueAt)[0];
  return {
    now: () => start.getTime() + elapsed,
    monotonic: () => elapsed,
    schedule: (callback, delayMs) => {
      const timer = { dueAt: elapsed + Math.max(delayMs, 0), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const until = elapsed + ms;
      for (let next = findNext(until); next !== undefined; next = findNext(until)) {
        timers.delete(next);
        elapsed = next.dueAt;
        next.callback();
      }
      elapsed = until;
    },
    get pending() {
      return timers.size;
    },
  };
}
