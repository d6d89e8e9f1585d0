import { raceWithSignal } from "../host/race-with-signal.ts";

/**
 * Work that cannot be aborted, such as that of a library without signals. If nobody waits for it any more, it
 * goes on. The next caller for the same waits until it is over and starts anew. So abandoned work does not
 * pile up, and nobody gets a result that was started before the call.
 */
export class AbandonedWork<T> {
  #under:
    | {
        readonly key: string;
        readonly promise: Promise<T>;
        readonly signal: AbortSignal | undefined;
      }
    | undefined;

  /**
   * Does the work, after abandoned work of an earlier caller.
   *
   * @param key - what the work depends on; work with another key is not waited for
   * @throws what the work throws; the signal's reason
   */
  async run(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    for (let under = this.#under; under?.key === key && under.signal?.aborted === true; under = this.#under)
      await raceWithSignal(under.promise.then(nothing, nothing), signal);
    const promise = work();
    const own = { key, promise, signal };
    this.#under = own;
    const forget = (): void => {
      if (this.#under === own) this.#under = undefined;
    };
    promise.then(forget, forget);
    return raceWithSignal(promise, signal);
  }
}

function nothing(): void {}
