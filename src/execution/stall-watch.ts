import type { Clock } from "../host/runtime.ts";

/** Ends a run that makes no progress for too long. */
export class StallWatch implements Disposable {
  /** Aborts with the host's signal, or when the run has stalled. */
  readonly signal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeoutMs: number | undefined;
  #movedAt: number;
  #cancel: (() => void) | undefined;

  /**
   * @param timeoutMs - how long there may be no progress; absent for no limit
   * @param signal - also ends the run
   */
  constructor(clock: Clock, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#movedAt = clock.monotonic();
    this.signal =
      timeoutMs === undefined
        ? signal
        : AbortSignal.any([this.#controller.signal, ...(signal === undefined ? [] : [signal])]);
    if (timeoutMs !== undefined) this.#look(timeoutMs);
  }

  /** Whether the run was ended because it stalled. */
  get hasStalled(): boolean {
    return this.#controller.signal.aborted;
  }

  /**
   * Records progress. Frequent progress starts no timers; the existing one checks when the last progress was.
   */
  move(): void {
    if (this.#timeoutMs !== undefined) this.#movedAt = this.#clock.monotonic();
  }

  #look(timeoutMs: number): void {
    const leftMs = this.#movedAt + timeoutMs - this.#clock.monotonic();
    if (leftMs <= 0) this.#controller.abort();
    else this.#cancel = this.#clock.schedule(() => this.#look(timeoutMs), leftMs);
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
  }
}
