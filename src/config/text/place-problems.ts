import type { Diagnostic, Problem, SourceRange } from "./diagnostic.ts";
import { cutExcerpt } from "./excerpt.ts";
import type { KeyPath } from "./key-path.ts";
import { LineIndex } from "./line-index.ts";
import { findSpan, type Span, type TextPlaces } from "./place.ts";
import type { ProblemList } from "./problem-list.ts";
import { showName } from "./secret-forms.ts";

/** A text that problems are about. */
export interface ProblemText {
  /** Name of the file or text. */
  readonly source: string;
  /** The text, if it could be decoded. */
  readonly text?: string | undefined;
  /** Finds the places of keys and values; absent if the text does not parse. */
  readonly findPlaces?: (() => TextPlaces) | undefined;
  /** Finds the words of the format, which an excerpt may show. */
  readonly findVocabulary: () => ReadonlySet<string>;
}

/** Looks problems up in their text, and sorts them by place. Without problems nothing is looked up. */
export function placeProblems({ listed, unlisted }: ProblemList, about: ProblemText): readonly Diagnostic[] {
  if (listed.length === 0) return [];
  const placed = listed.map(createPlacer(about)).sort(byPlace);
  return unlisted === 0 ? placed : [...placed, tooMany(about.source, unlisted)];
}

/** Looks a problem up in its text. */
export type Placer = (problem: Problem) => Diagnostic;

/** Reads the places of a text once, to look problems up in it one by one. */
export function createPlacer({ source, text, findPlaces, findVocabulary }: ProblemText): Placer {
  const maskKey = memoize(showPathKey);
  const maskPath = (path: KeyPath): KeyPath =>
    path.map((key) => (typeof key === "string" ? maskKey(key) : key));
  if (text === undefined) return (problem) => toDiagnostic(problem, source, maskPath(problem.path));
  const places = findPlaces?.() ?? NO_PLACES;
  const lines = new LineIndex(text);
  const shown = { keyEnds: places.keyEnds, vocabulary: findVocabulary() };
  return (problem) => {
    const span = problem.span ?? findSpan(places.root, problem.path, problem.part ?? "value");
    const range = lines.rangeOf(span ?? WHOLE_TEXT);
    const excerpt = span && cutExcerpt(lines.lineAt(range.start.line), span, shown);
    return toDiagnostic(problem, source, maskPath(problem.path), range, excerpt);
  };
}

/**
 * Finds the range of a value, or of the nearest place above it; nothing if the text could not be decoded.
 */
export function findRange({ text, findPlaces }: ProblemText, path: KeyPath): SourceRange | undefined {
  if (text === undefined) return undefined;
  const span = findSpan((findPlaces?.() ?? NO_PLACES).root, path, "value");
  return new LineIndex(text).rangeOf(span ?? WHOLE_TEXT);
}

const WHOLE_TEXT: Span = { start: 0, end: 0 };
const NO_PLACES: TextPlaces = { root: { members: new Map() }, keyEnds: new Map() };

// The order of the keys is that of the documented JSON form.
function toDiagnostic(
  { code, severity, message, hint }: Problem,
  source: string,
  path: KeyPath,
  range?: Diagnostic["range"],
  excerpt?: Diagnostic["excerpt"],
): Diagnostic {
  return {
    code,
    severity,
    message,
    source,
    path,
    ...(range === undefined ? {} : { range }),
    ...(excerpt === undefined ? {} : { excerpt }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Longest key in a path that is kept whole, in UTF-16 units. */
const MAX_KEY_LENGTH = 256;

function showPathKey(key: string): string {
  const shown = showName(key);
  return shown.length <= MAX_KEY_LENGTH ? shown : `${shown.slice(0, MAX_KEY_LENGTH)}...`;
}

/** A long key may stand in the path of every problem. */
function memoize(mask: (key: string) => string): (key: string) => string {
  const known = new Map<string, string>();
  return (key) => {
    const masked = known.get(key) ?? mask(key);
    known.set(key, masked);
    return masked;
  };
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (a.range?.start.offset ?? 0) - (b.range?.start.offset ?? 0);
}

function tooMany(source: string, unlisted: number): Diagnostic {
  const message = `${unlisted} more problems are not listed`;
  return { code: "too-many-problems", severity: "warning", message, source, path: [] };
}
