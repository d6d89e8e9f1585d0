/** Lets at most so many in at a time; whoever finds no room waits in line. */
export class Capacity {
  readonly #limit: number;
  #taken = 0;
  /** Who waits; a set, since its first is found and taken away in no time. */
  readonly #line = new Set<{ readonly count: number; readonly resolve: () => void }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are in. */
  get taken(): number {
    return this.#taken;
  }

  /** Waits until there is room. More than the limit at once get in when nobody else is. */
  async take(count: number): Promise<void> {
    if (this.#line.size === 0 && this.#fits(count)) {
      this.#taken += count;
      return;
    }
    await new Promise<void>((resolve) => this.#line.add({ count, resolve }));
  }

  /** Counts some that are in already, whether there is room or not. */
  force(count: number): void {
    this.#taken += count;
  }

  /** Gives room back. */
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
