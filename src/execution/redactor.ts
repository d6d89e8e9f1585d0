import { toEncodings } from "./secret-encodings.ts";

const MARKER = "[redacted]";

/**
 * Takes known secrets out of text that comes in pieces. A secret is found wherever the pieces are cut: what could be
 * the beginning of one is held back until the rest tells. Overlapping secrets leave nothing of either.
 */
export class Redactor {
  readonly #needles: readonly string[];
  /** Text not yet given out. */
  #pending = "";
  /** How much of the pending text belongs to a secret found earlier. */
  #masked = 0;
  /** Whether the marker of the secret that reaches into the pending text was given out. */
  #marked = false;

  /**
   * @param secrets - values to look for, also in the encodings that tools print; short ones are ignored
   */
  constructor(secrets: Iterable<string>) {
    this.#needles = [...new Set([...secrets].flatMap((secret) => toEncodings(secret)))];
  }

  /** Takes a piece, and returns the text that is now certain. */
  push(text: string): string {
    this.#pending += text;
    return this.#release(this.#findHold());
  }

  /** Returns the rest. */
  end(): string {
    return this.#release(this.#pending.length);
  }

  /** Gives out the pending text up to an offset. */
  #release(hold: number): string {
    if (hold === 0) return "";
    let output = "";
    let offset = 0;
    let marked = this.#marked;
    for (const { start, end } of this.#findSecrets()) {
      if (start >= hold) break;
      if (start > offset) marked = false;
      output += this.#pending.slice(offset, start) + (marked ? "" : MARKER);
      marked = true;
      offset = end;
    }
    if (offset < hold) marked = false;
    output += this.#pending.slice(offset, Math.max(offset, hold));
    this.#pending = this.#pending.slice(hold);
    this.#masked = Math.max(offset - hold, 0);
    this.#marked = marked;
    return output;
  }

  /** Finds where the longest beginning of a secret at the end of the pending text starts. */
  #findHold(): number {
    const text = this.#pending;
    let hold = text.length;
    for (const needle of this.#needles) {
      const first = needle.charAt(0);
      let start = text.indexOf(first, Math.max(0, text.length - needle.length + 1));
      while (start !== -1 && start < hold) {
        if (needle.startsWith(text.slice(start))) hold = start;
        start = text.indexOf(first, start + 1);
      }
    }
    return hold;
  }

  /** Finds all stretches of the pending text that belong to secrets, joined where they touch. */
  #findSecrets(): Stretch[] {
    const found: Stretch[] = this.#masked > 0 ? [{ start: 0, end: this.#masked }] : [];
    for (const needle of this.#needles) {
      for (
        let start = this.#pending.indexOf(needle);
        start !== -1;
        start = this.#pending.indexOf(needle, start + 1)
      ) {
        found.push({ start, end: start + needle.length });
      }
    }
    return joinStretches(found);
  }
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

function joinStretches(stretches: Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const stretch of stretches.sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last === undefined || stretch.start > last.end) joined.push(stretch);
    else if (stretch.end > last.end) joined[joined.length - 1] = { start: last.start, end: stretch.end };
  }
  return joined;
}
