/** How many spaces and line ends in a row may interrupt a text. */
const MAX_SPACES = 256;

/** A state of the automaton: the longest prefix of a needle with which the text ends. */
interface State {
  readonly depth: number;
  readonly next: Map<number, State>;
  /** The longest proper suffix of this prefix that is also a prefix. */
  fail: State | undefined;
  /** Length of the longest needle that ends here; 0 if none does. */
  found: number;
}

/**
 * Searches for many texts at once in one that arrives unit by unit, in constant time per unit: the automaton
 * of Aho and Corasick (https://doi.org/10.1145/360825.360855).
 */
export class SecretMatcher {
  readonly #root: State = { depth: 0, next: new Map(), fail: undefined, found: 0 };
  readonly #skipsSpace: boolean;
  #state: State = this.#root;
  /** How much space was skipped in a row. */
  #spaces = 0;
  /** The position of each unit of the current prefix in the whole text; only if space is skipped. */
  #places: number[] = [];

  /**
   * @param needles - texts to look for, none empty
   * @param skipsSpace - whether to ignore line breaks, spaces and tabs in between
   */
  constructor(needles: readonly string[], skipsSpace: boolean) {
    this.#skipsSpace = skipsSpace;
    for (const needle of needles) this.#add(needle);
    this.#link();
  }

  /**
   * Takes the next unit.
   *
   * @param at - its position in the whole text
   * @returns where a needle begins that ends here; -1 if there is none
   */
  step(unit: number, at: number): number {
    if (this.#skipsSpace && this.#isSkipped(unit)) return -1;
    let state: State | undefined = this.#state;
    let next = state.next.get(unit);
    while (next === undefined && state.fail !== undefined) {
      state = state.fail;
      next = state.next.get(unit);
    }
    this.#state = next ?? this.#root;
    if (!this.#skipsSpace) return this.#state.found === 0 ? -1 : at + 1 - this.#state.found;
    this.#remember(at);
    return this.#state.found === 0 ? -1 : (this.#places.at(-this.#state.found) ?? -1);
  }

  #isSkipped(unit: number): boolean {
    if (!isSpace(unit)) {
      this.#spaces = 0;
      return false;
    }
    // No tool breaks a text this far apart, and what is held back must be bounded.
    if (++this.#spaces > MAX_SPACES) {
      this.#state = this.#root;
      this.#places = [];
    }
    return true;
  }

  /** Where a possible beginning of a needle starts, given where the text ends. */
  holdFrom(end: number): number {
    const { depth } = this.#state;
    if (depth === 0) return end;
    return this.#skipsSpace ? (this.#places.at(-depth) ?? end) : end - depth;
  }

  #remember(at: number): void {
    const { depth } = this.#state;
    if (depth === 0) this.#places = [];
    else {
      this.#places.push(at);
      // Dropped in batches, so that no unit costs more than another.
      if (this.#places.length > 2 * depth + 64) this.#places = this.#places.slice(-depth);
    }
  }

  #add(needle: string): void {
    let state = this.#root;
    for (let index = 0; index < needle.length; index++) {
      const unit = needle.charCodeAt(index);
      const known = state.next.get(unit);
      const next = known ?? { depth: state.depth + 1, next: new Map(), fail: undefined, found: 0 };
      if (known === undefined) state.next.set(unit, next);
      state = next;
    }
    state.found = needle.length;
  }

  #link(): void {
    const queue = [...this.#root.next.values()];
    for (const state of queue) state.fail = this.#root;
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head];
      for (const [unit, next] of state?.next ?? []) {
        let fail = state?.fail;
        while (fail !== undefined && !fail.next.has(unit)) fail = fail.fail;
        next.fail = fail?.next.get(unit) ?? this.#root;
        next.found = Math.max(next.found, next.fail.found);
        queue.push(next);
      }
    }
  }
}

function isSpace(unit: number): boolean {
  return unit === 10 || unit === 13 || unit === 32 || unit === 9;
}
