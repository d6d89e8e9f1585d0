import { raceWithSignal } from "../host/race-with-signal.ts";

/**
 * Work that cannot be ended, as a library's that takes no signal. When nobody waits for it any more it goes on, and the next one who asks
 * waits for the same, so that it never runs more than once beside itself.
 */
export class AbandonedWork<T> {
  #under: { readonly promise: Promise<T>; readonly signal: AbortSignal | undefined } | undefined;

  /**
   * Does the work, or waits for that of an earlier one who gave up. That one's failure is its own.
   *
   * @throws what the work throws; the signal's reason
   */
  async run(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const earlier = this.#under;
    if (earlier?.signal?.aborted === true) {
      const done = await raceWithSignal(earlier.promise.then(toDone, toNothing), signal);
      if (done !== undefined) return done.value;
    }
    const promise = work();
    const own = { promise, signal };
    this.#under = own;
    const forget = (): void => {
      if (this.#under === own) this.#under = undefined;
    };
    promise.then(forget, forget);
    return raceWithSignal(promise, signal);
  }
}

function toDone<T>(value: T): { readonly value: T } {
  return { value };
}

function toNothing(): undefined {
  return undefined;
}
