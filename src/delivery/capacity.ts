/** Lets at most so many in at a time; whoever finds no room waits in line. */
export class Capacity {
  readonly #limit: number;
  #taken = 0;
  #line: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are in. */
  get taken(): number {
    return this.#taken;
  }

  /** Waits until there is room. More than the limit at once get in when nobody else is. */
  async take(count: number): Promise<void> {
    if (this.#line.length === 0 && this.#fits(count)) {
      this.#taken += count;
      return;
    }
    await new Promise<void>((resolve) => this.#line.push({ count, resolve }));
  }

  /** Counts some that are in already, whether there is room or not. */
  force(count: number): void {
    this.#taken += count;
  }

  /** Gives room back. */
  release(count: number): void {
    this.#taken -= count;
    for (let [first] = this.#line; first !== undefined && this.#fits(first.count); [first] = this.#line) {
      this.#line = this.#line.slice(1);
      this.#taken += first.count;
      first.resolve();
    }
  }

  #fits(count: number): boolean {
    return this.#taken === 0 || this.#taken + count <= this.#limit;
  }
}
