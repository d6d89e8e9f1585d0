/**
 * How many batches a host runs at once: as many as there are, until it runs short of memory, disk, processes
 * or descriptors. Then it runs half as many as it did, and one more after each attempt that does not.
 */
export class HostLoad {
  #limit = Number.POSITIVE_INFINITY;

  /** Whether the host has been short of something, and has not recovered. */
  get isShort(): boolean {
    return Number.isFinite(this.#limit);
  }

  /** Whether one more may start. */
  allows(running: number): boolean {
    return running < this.#limit;
  }

  /** An attempt failed for want of something of the host. */
  shrink(running: number): void {
    this.#limit = Math.max(1, Math.floor(Math.min(running, this.#limit) / 2));
  }

  /** An attempt did not. */
  recover(running: number): void {
    if (!this.isShort) return;
    this.#limit++;
    if (this.#limit > running + RESERVE) this.#limit = Number.POSITIVE_INFINITY;
  }
}

/** So many more than run may run when the shortage is forgotten. */
const RESERVE = 16;
