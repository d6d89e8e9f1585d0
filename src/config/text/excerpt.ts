import type { SourceExcerpt } from "./diagnostic.ts";
import type { Span } from "./place.ts";
import { isUnshowable, MASK } from "./secret-forms.ts";

/** How much an excerpt shows around the place, in UTF-16 units. */
const REACH_BEFORE = 60;
const REACH_BEHIND = 60;

/** What may be shown of a text: its keys, and the words of the format itself. */
export interface Shown {
  readonly keyEnds: ReadonlyMap<number, number>;
  readonly vocabulary: ReadonlySet<string>;
}

/**
 * Cuts the part around a place out of its line. Every value is masked and comments are left out, because each
 * could hold a secret. A cut through a value shows nothing of it, because words outside of quotes are masked
 * too.
 *
 * @param line - the line and the offset it begins at
 * @param span - the place; only its first line is marked
 * @param shown - what is not masked
 */
export function cutExcerpt(
  line: { readonly text: string; readonly start: number },
  span: Span,
  shown: Shown,
): SourceExcerpt {
  const first = Math.max(span.start - line.start - REACH_BEFORE, 0);
  const last = Math.min(span.start - line.start + REACH_BEHIND, line.text.length);
  const end = Math.min(span.end, line.start + last);
  let text = first > 0 ? "... " : "";
  let start: number | undefined;
  let marked = 1;
  for (let at = first; at < last; ) {
    const piece = readPiece(line, at, last, shown);
    const offset = line.start + at;
    if (start === undefined && offset + piece.length > span.start) start = text.length;
    text += piece.text;
    at += piece.length;
    if (start !== undefined && offset < end) marked = text.length - start;
  }
  const shownText = last < line.text.length ? `${text} ...` : text.trimEnd();
  return { text: shownText, start: start ?? text.length, length: Math.max(marked, 1) };
}

interface Piece {
  /** How it is printed. */
  readonly text: string;
  /** How much of the line it is. */
  readonly length: number;
}

const QUOTED = /"(?:[^"\\]|\\.)*"?|'[^']*'?/uy;
const WORD = /[^\s=[\]{},"'#:.][^\s=[\]{},"'#]*/uy;

function readPiece(line: { text: string; start: number }, at: number, last: number, shown: Shown): Piece {
  const keyEnd = shown.keyEnds.get(line.start + at);
  if (keyEnd !== undefined) return maskKey(line.text.slice(at, keyEnd - line.start), last - at);
  const rest = line.text.slice(at, findKey(line, at + 1, last, shown));
  if (rest.startsWith("#")) return { text: "", length: rest.length };
  const quoted = match(QUOTED, rest);
  if (quoted !== undefined) return { text: `${quoted[0]}${MASK}${quoted[0]}`, length: quoted.length };
  const word = match(WORD, rest);
  if (word === undefined) return { text: /^\s/u.test(rest) ? " " : rest.charAt(0), length: 1 };
  const known = word.split(".").every((part) => shown.vocabulary.has(part));
  return { text: known ? word : MASK, length: word.length };
}

/**
 * Where the next key begins. After the end of a text over several lines, quotes do not show what is inside
 * them.
 */
function findKey(line: { start: number }, from: number, last: number, shown: Shown): number {
  for (let at = from; at < last; at++) if (shown.keyEnds.has(line.start + at)) return at;
  return last;
}

function maskKey(key: string, room: number): Piece {
  if (isUnshowable(key)) return { text: MASK, length: Math.min(key.length, room) };
  const shown = key.slice(0, room);
  return { text: shown.replace(/[^\x20-\x7e]/gu, "?"), length: shown.length };
}

function match(pattern: RegExp, text: string): string | undefined {
  pattern.lastIndex = 0;
  return pattern.exec(text)?.[0];
}
