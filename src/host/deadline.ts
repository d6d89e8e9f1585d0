import { raceWithSignal } from "./race-with-signal.ts";
import type { Clock } from "./runtime.ts";

/** Limits of {@link withDeadline}. */
export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The error to reject with when the time is over. */
  readonly onTimeout: () => Error;
}

/**
 * A point in time by which an operation must end. It is created once, when the operation starts, and passed
 * down. The host may end it early.
 */
export class Deadline implements Disposable {
  /** Aborts when the time is over or the host aborts. The reason is the timeout's error, or the host's. */
  readonly signal: AbortSignal;
  /** Aborts only when the host aborts. */
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

  /** How much time is left, in milliseconds; 0 or less if none is. */
  get remainingMs(): number {
    return this.#endsAt - this.#clock.monotonic();
  }

  /** Ends the deadline now. */
  abort(reason?: unknown): void {
    this.#host.abort(reason);
    this.#either.abort(reason);
  }

  /** Removes the timer and the listener. */
  [Symbol.dispose](): void {
    this.#cancel();
  }
}

/**
 * Runs something that may never end, and settles in time: with its result, the timeout's error, or the
 * signal's reason. The signal passed to `run` aborts with the deadline. What an abandoned run does later is
 * ignored.
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
