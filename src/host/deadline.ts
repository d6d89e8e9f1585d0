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
 * A point in time by which something has to end: made once, at the door, and passed down to all that is done
 * for it. It ends early when the host asks for that.
 */
export class Deadline implements Disposable {
  /** Ends when the time is over, or the host has enough; the reason is the timeout's error, or the host's. */
  readonly signal: AbortSignal;
  /** Ends only when the host has enough. */
  readonly hostSignal: AbortSignal;
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #host = new AbortController();
  readonly #either = new AbortController();
  readonly #cancel: () => void;

  constructor({ clock, timeoutMs, signal, onTimeout }: DeadlineOptions) {
    this.#clock = clock;
    this.#endsAt = clock.monotonic() + timeoutMs;
    this.signal = this.#either.signal;
    this.hostSignal = this.#host.signal;
    const cancelTimer = clock.schedule(() => this.#either.abort(onTimeout()), timeoutMs);
    const onAbort = (): void => this.abort(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#cancel = () => {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    };
  }

  /** How much time is left, in milliseconds; 0 or less when none is. */
  get remainingMs(): number {
    return this.#endsAt - this.#clock.monotonic();
  }

  /** Ends it now. */
  abort(reason?: unknown): void {
    this.#host.abort(reason);
    this.#either.abort(reason);
  }

  /** Forgets timer and listener. */
  [Symbol.dispose](): void {
    this.#cancel();
  }
}

/**
 * Runs something that may never end, and settles in time all the same: with its result, with the timeout's
 * error, or with the signal's reason. The signal handed to `run` ends with the deadline. What an abandoned
 * run does later is not looked at.
 */
export async function withDeadline<T>(
  run: (signal: AbortSignal) => T | PromiseLike<T>,
  options: DeadlineOptions,
): Promise<T> {
  options.signal?.throwIfAborted();
  using deadline = new Deadline(options);
  const { signal } = deadline;
  return await raceWithSignal(runInTurn(run, signal), signal);
}

async function runInTurn<T>(
  run: (signal: AbortSignal) => T | PromiseLike<T>,
  signal: AbortSignal,
): Promise<T> {
  return await run(signal);
}
