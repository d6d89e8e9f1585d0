/**
 * Limits how many batches a host runs at once. There is no limit until it runs short of memory, disk,
 * processes or descriptors. Then it runs half as many, and one more after each attempt without a shortage.
 */
export class HostLoad {
  #limit = Number.POSITIVE_INFINITY;

  /** Whether the host was short of something and has not recovered. */
  get isShort(): boolean {
    return Number.isFinite(this.#limit);
  }

  /** Whether one more may start. */
  allows(running: number): boolean {
    return running < this.#limit;
  }

  /** An attempt failed because the host was short of something. */
  shrink(running: number): void {
    this.#limit = Math.max(1, Math.floor(Math.min(running, this.#limit) / 2));
  }

  /** An attempt ended without a shortage. */
  recover(running: number): void {
    if (!this.isShort) return;
    this.#limit++;
    if (this.#limit > running + RESERVE) this.#limit = Number.POSITIVE_INFINITY;
  }
}

/** The limit is dropped when this many more could run. */
const RESERVE = 16;
