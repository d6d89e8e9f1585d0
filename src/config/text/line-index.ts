import type { SourcePosition, SourceRange } from "./diagnostic.ts";
import type { Span } from "./place.ts";

/** The lines of a text, counted once. Lines end with LF; a CR before it belongs to its line. */
export class LineIndex {
  readonly #text: string;
  readonly #starts: readonly number[];

  constructor(text: string) {
    this.#text = text;
    // A byte order mark has no column, because editors do not show it.
    const starts = [text.startsWith("\ufeff") ? 1 : 0];
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
    this.#starts = starts;
  }

  /** Line and columns of a span. */
  rangeOf({ start, end }: Span): SourceRange {
    return { start: this.#positionAt(start), end: this.#positionAt(end) };
  }

  /** A line without its end, and where it begins. */
  lineAt(line: number): { readonly text: string; readonly start: number } {
    const start = this.#starts[line - 1] ?? 0;
    const end = this.#starts[line] ?? this.#text.length + 1;
    return { text: this.#text.slice(start, end - 1).replace(/\r$/u, ""), start };
  }

  #positionAt(offset: number): SourcePosition {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: Math.max(offset - (this.#starts[low] ?? 0), 0) + 1, offset };
  }
}
