import type { Clock } from "../host/runtime.ts";

/** Ends a run that makes no progress for too long. */
export class StallWatch implements Disposable {
  /** Ends with the host's own signal, or when the run has stalled. */
  readonly signal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeoutMs: number | undefined;
  #cancel: (() => void) | undefined;

  /**
   * @param timeoutMs - how long nothing may move; absent: for ever
   * @param signal - ends the run as well
   */
  constructor(clock: Clock, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.signal =
      timeoutMs === undefined
        ? signal
        : AbortSignal.any([this.#controller.signal, ...(signal === undefined ? [] : [signal])]);
    this.move();
  }

  /** Whether the run was ended since nothing moved. */
  get hasStalled(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Something moved. */
  move(): void {
    if (this.#timeoutMs === undefined) return;
    this.#cancel?.();
    this.#cancel = this.#clock.schedule(() => this.#controller.abort(), this.#timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
  }
}
