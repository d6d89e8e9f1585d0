/** Limits how many are in at a time. Others wait in a queue. */
export class Capacity {
  readonly #limit: number;
  #taken = 0;
  /** Those who wait; a set, because its first entry is found and removed quickly. */
  readonly #line = new Set<{ readonly count: number; readonly resolve: () => void }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are in. */
  get taken(): number {
    return this.#taken;
  }

  /** Waits until there is room. A group larger than the limit gets in when nobody else is in. */
  async take(count: number): Promise<void> {
    if (this.#line.size === 0 && this.#fits(count)) {
      this.#taken += count;
      return;
    }
    await new Promise<void>((resolve) => this.#line.add({ count, resolve }));
  }

  /** Counts some that are already in, even if there is no room. */
  force(count: number): void {
    this.#taken += count;
  }

  /** Releases room. */
  release(count: number): void {
    this.#taken -= count;
    for (const waiting of this.#line) {
      if (!this.#fits(waiting.count)) return;
      this.#line.delete(waiting);
      this.#taken += waiting.count;
      waiting.resolve();
    }
  }

  #fits(count: number): boolean {
    return this.#taken === 0 || this.#taken + count <= this.#limit;
  }
}
