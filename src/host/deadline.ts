import { raceWithSignal } from "./race-with-signal.ts";
import type { Clock } from "./runtime.ts";

/** Bounds of {@link withDeadline}. */
export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The error to reject with when the time is over. */
  readonly onTimeout: () => Error;
}

/**
 * Runs something that may never end, and settles in time all the same: with its result, with the timeout's
 * error, or with the signal's reason. The signal handed to `run` ends with the deadline. What an abandoned run
 * does later is not looked at.
 */
export async function withDeadline<T>(
  run: (signal: AbortSignal) => T | PromiseLike<T>,
  options: DeadlineOptions,
): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const cancelTimer = options.clock.schedule(() => controller.abort(options.onTimeout()), options.timeoutMs);
  try {
    return await raceWithSignal(runInTurn(run, controller.signal), controller.signal);
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  }
}

async function runInTurn<T>(
  run: (signal: AbortSignal) => T | PromiseLike<T>,
  signal: AbortSignal,
): Promise<T> {
  return await run(signal);
}
