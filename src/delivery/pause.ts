import type { Clock } from "../host/runtime.ts";

/** A wait that ends when its time is over, or when it is woken. */
export class Pause {
  readonly #clock: Clock;
  #isWoken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current wait, or the next one. */
  wake(): void {
    if (this.#end === undefined) this.#isWoken = true;
    else this.#end();
  }

  /** Waits; settles at once if it was woken since the last wait. */
  async wait(delayMs: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.schedule(() => this.#end?.(), delayMs);
        this.#end = () => {
          this.#end = undefined;
          cancel();
          resolve();
        };
      });
    }
    this.#isWoken = false;
  }
}
