import * as toml from "toml";
import type { Problem } from "./diagnostic.ts";
import { offsetAt, positionAt } from "./source-text.ts";

/** A parsed text with problems that did not stop the parser, or the syntax error that did. */
export type ParsedText =
  | { readonly success: true; readonly value: unknown; readonly problems: readonly Problem[] }
  | { readonly success: false; readonly problem: Problem };

/**
 * Parses TOML 1.1 into null-prototype tables. The parser's own message is not passed on where it may quote the
 * text; it reports places in two shapes, and both become an offset.
 */
export function parseTomlText(text: string): ParsedText {
  try {
    return { success: true, value: toml.parse(text), problems: [] };
  } catch (error) {
    const offset = findErrorOffset(text, error);
    if (offset === undefined) return syntaxError("The text is not valid TOML", undefined);
    const range = {
      start: positionAt(text, offset),
      end: positionAt(text, Math.min(offset + 1, text.length)),
    };
    return syntaxError(describe(error), range);
  }
}

function syntaxError(message: string, range: Problem["range"]): ParsedText {
  return { success: false, problem: { code: "toml-syntax", severity: "error", message, path: [], range } };
}

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  if (/^Cannot redefine|already defined|duplicate/iu.test(message)) return "This key is defined twice";
  if (/lossless|64-bit/u.test(message)) return "This integer is too large";
  return "The text is not valid TOML from here";
}

function findErrorOffset(text: string, error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { location, line, column } = error as ParserError;
  if (typeof location?.start?.offset === "number") return location.start.offset;
  if (typeof line === "number" && typeof column === "number") return offsetAt(text, line, column);
  return undefined;
}

// A syntax error carries `location`, an error of meaning (a key defined twice) `line` and `column`.
interface ParserError {
  readonly location?: { readonly start?: { readonly offset?: unknown } };
  readonly line?: unknown;
  readonly column?: unknown;
}
