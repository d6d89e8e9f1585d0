import { lateModule } from "../../core/late-module.ts";
import { toMembers } from "../../core/own-member.ts";
import type { ParsedText } from "./json-text.ts";
import { offsetAt } from "./source-text.ts";
import { findTomlPlaces } from "./toml-places.ts";

const loadToml = lateModule<typeof import("toml")>("toml");

/**
 * Parses TOML 1.1 into null-prototype tables. The parser's own message is not passed on, because it quotes
 * the text. It reports places in two forms; both become an offset.
 */
export function parseTomlText(text: string): ParsedText {
  try {
    const value: unknown = loadToml().parse(text);
    return { success: true, value, problems: [], findPlaces: () => findTomlPlaces(text, decodeKey) };
  } catch (error) {
    const thrown = toParserError(error);
    const stopped = findErrorOffset(text, thrown);
    const opening = stopped === undefined ? undefined : findOpenArray(text, stopped);
    const offset = opening ?? stopped;
    const span = offset === undefined ? undefined : { start: offset, end: offset + 1 };
    const { message, hint } = opening === undefined ? describe(thrown) : OPEN_ARRAY;
    return {
      success: false,
      problem: { code: "toml-syntax", severity: "error", message, path: [], span, hint },
    };
  }
}

function decodeKey(quoted: string): string {
  const [key = ""] = Object.keys(loadToml().parse(`${quoted} = 0`));
  return key;
}

interface Explanation {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Explanations of semantic errors by the parser's own words; the first match counts. */
const MEANINGS: readonly (readonly [RegExp, Explanation])[] = [
  [
    /^Cannot redefine|already defined|duplicate/iu,
    { message: "This key is defined twice", hint: "Keep one of them; a table is opened by one header only" },
  ],
  [/lossless|64-bit/u, { message: "This integer is too large" }],
  [
    /escape sequence/iu,
    { message: "This is not an escape sequence", hint: "Write \\\\ for a backslash, or use single quotes" },
  ],
  [/^Invalid date|^Invalid time/iu, { message: "There is no such date or time" }],
  [/nest|depth/iu, { message: "Arrays or inline tables are nested too deep" }],
];

const UNCLOSED: Explanation = {
  message: "This text has no closing quote on its line",
  hint: 'Close the quote, or write """ around a text of several lines',
};

/** Explanations of what was expected, by what the parser would have accepted; the first match counts. */
const EXPECTATIONS: readonly (readonly [literals: readonly string[], Explanation])[] = [
  [
    ["true", "{"],
    { message: "Expected a value", hint: 'Write texts in quotes, as in destination = "my-cache-name"' },
  ],
  [
    ["="],
    { message: "Expected = after the key", hint: 'Write key = "value", or a header such as [[caches]]' },
  ],
  [["}"], { message: "Expected , or } in the inline table" }],
  [[",", "]"], { message: "Expected , or ] in the array" }],
  [["]"], { message: "Expected ] after the name of the table" }],
  [['"""', "\\"], { message: "This text over several lines is not closed", hint: 'Close it with """' }],
  [["'''"], { message: "This text over several lines is not closed", hint: "Close it with '''" }],
  [['"', "'"], { message: "Expected a key", hint: "Write letters, digits, _ and -, or quotes around it" }],
  [['"', "\\"], UNCLOSED],
  [["'"], UNCLOSED],
  [
    [":"],
    {
      message: "Expected a number or a date",
      hint: "Write numbers without leading zeros, and texts in quotes",
    },
  ],
  [["#", "\n"], { message: "Expected the end of the line", hint: "Write one key and value a line" }],
];

function describe({ expected, message }: ParserError): Explanation {
  const unknown = { message: "The text is not valid TOML from here" };
  if (expected === undefined) return MEANINGS.find(([pattern]) => pattern.test(message))?.[1] ?? unknown;
  return EXPECTATIONS.find(([needed]) => needed.every((literal) => expected.has(literal)))?.[1] ?? unknown;
}

const OPEN_ARRAY: Explanation = { message: "This array is not closed", hint: "Close it with ]" };

/** The beginning of a line outside of an array: a key with `=`, or the header of a table. */
const NEXT_STATEMENT = /^\s*(?:[A-Za-z0-9_.-]+[ \t]*=|\[\[?[A-Za-z0-9_.-]+\]\]?[ \t]*(?:#.*)?(?:\r?\n|$))/u;
const STRINGS = /"(?:[^"\\]|\\.)*"|'[^']*'|#.*/gu;
/** How many lines before an error are searched for the beginning of the array. */
const MAX_LINES = 200;

/**
 * Finds the beginning of an unclosed array, if the parser was still in it at the next statement.
 */
function findOpenArray(text: string, offset: number): number | undefined {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  // Inside an array, the parser reads the brackets of a header as arrays.
  if (!/^\s*\[{0,2}$/u.test(text.slice(lineStart, offset))) return undefined;
  if (!NEXT_STATEMENT.test(text.slice(lineStart, offset + 256))) return undefined;
  let [end, open] = [lineStart - 1, 0];
  for (let count = 0; end > 0 && count < MAX_LINES; count++) {
    const start = text.lastIndexOf("\n", end - 1) + 1;
    // Quoted texts are replaced by blanks, so that places stay the same.
    const line = text.slice(start, end).replace(STRINGS, (part) => " ".repeat(part.length));
    open += line.split("[").length - line.split("]").length;
    if (open > 0) return start + line.lastIndexOf("[");
    end = start - 1;
  }
  return undefined;
}

function findErrorOffset(text: string, { offset, line, column }: ParserError): number | undefined {
  if (offset !== undefined) return offset;
  return line !== undefined && column !== undefined ? offsetAt(text, line, column) : undefined;
}

/**
 * What the parser throws. A syntax error has `offset` and `expected`, a semantic error `line` and `column`.
 */
interface ParserError {
  readonly message: string;
  readonly offset?: number | undefined;
  readonly expected?: ReadonlySet<string> | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

function toParserError(error: unknown): ParserError {
  const thrown = toMembers(error);
  const start = toMembers(toMembers(thrown["location"])["start"]);
  const { expected } = thrown;
  return {
    message: String(thrown["message"]),
    offset: toNumber(start["offset"]),
    expected: Array.isArray(expected)
      ? new Set(expected.map((item) => String(toMembers(item)["text"])))
      : undefined,
    line: toNumber(thrown["line"]),
    column: toNumber(thrown["column"]),
  };
}

function toNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
