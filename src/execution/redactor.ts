import { toEncodings } from "./secret-encodings.ts";
import { SecretMatcher } from "./secret-matcher.ts";

const MARKER = "[redacted]";

/** A part of the whole text that belongs to secrets; `end` is exclusive. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * Removes known secrets from text that arrives in pieces. A secret is found wherever pieces are cut: a
 * possible beginning is held back until the rest arrives. Overlapping secrets are removed completely. Each
 * unit costs constant time.
 */
export class Redactor {
  readonly #matchers: readonly SecretMatcher[];
  /** Text not yet returned, and where it begins in the whole text. */
  #pending = "";
  #offset = 0;
  /** The secret parts of the text not yet returned, in order; adjacent ones are joined. */
  #found: Stretch[] = [];
  /** Where the last secret ends whose marker was returned. */
  #markedTo = -1;

  /**
   * @param secrets - values to remove, also in the encodings that tools print; short ones are ignored
   */
  constructor(secrets: Iterable<string>) {
    const encodings = [...secrets].map(toEncodings);
    const needles = new Set(encodings.flatMap(({ exact }) => exact));
    const wrapped = new Set(encodings.flatMap(({ wrappable }) => wrappable));
    this.#matchers = [
      ...(needles.size === 0 ? [] : [new SecretMatcher([...needles], false)]),
      ...(wrapped.size === 0 ? [] : [new SecretMatcher([...wrapped], true)]),
    ];
  }

  /** Takes a piece, and returns the text that is now certain. */
  push(text: string): string {
    if (this.#matchers.length === 0) return text;
    const from = this.#offset + this.#pending.length;
    this.#pending += text;
    for (const matcher of this.#matchers) this.#search(matcher, text, from);
    const end = from + text.length;
    return this.#release(
      this.#matchers.reduce((hold, matcher) => Math.min(hold, matcher.holdFrom(end)), end),
    );
  }

  /** Returns the rest. */
  end(): string {
    return this.#release(this.#offset + this.#pending.length);
  }

  #search(matcher: SecretMatcher, text: string, from: number): void {
    for (let index = 0; index < text.length; index++) {
      const start = matcher.step(text.charCodeAt(index), from + index);
      if (start !== -1) this.#mark({ start, end: from + index + 1 });
    }
  }

  /** Adds a part, and joins adjacent ones. */
  #mark(stretch: Stretch): void {
    let { start, end } = stretch;
    const behind: Stretch[] = [];
    for (let last = this.#found.pop(); last !== undefined; last = this.#found.pop()) {
      if (last.end < start) {
        this.#found.push(last);
        break;
      }
      if (last.start > end) behind.push(last);
      else [start, end] = [Math.min(start, last.start), Math.max(end, last.end)];
    }
    this.#found.push({ start, end }, ...behind.reverse());
  }

  /** Returns the pending text up to a place in the whole text. */
  #release(hold: number): string {
    if (hold === this.#offset) return "";
    let output = "";
    let place = this.#offset;
    while (this.#found[0] !== undefined && this.#found[0].start < hold) {
      const { start, end } = this.#found[0];
      if (start > place) output += this.#slice(place, start);
      if (this.#markedTo !== start) output += MARKER;
      this.#markedTo = Math.min(end, hold);
      place = Math.max(place, this.#markedTo);
      if (end <= hold) this.#found.shift();
      else {
        this.#found[0] = { start: hold, end };
        break;
      }
    }
    if (place < hold) output += this.#slice(place, hold);
    this.#pending = this.#pending.slice(hold - this.#offset);
    this.#offset = hold;
    return output;
  }

  #slice(start: number, end: number): string {
    return this.#pending.slice(start - this.#offset, end - this.#offset);
  }
}
