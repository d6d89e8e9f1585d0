import { decodeUtf8 } from "../text.ts";
import type { Problem, SourcePosition } from "./diagnostic.ts";

/** A text to parse, or the reason why there is none. */
export type DecodedText =
  | { readonly success: true; readonly text: string }
  | { readonly success: false; readonly problem: Problem };

/** Decodes bytes as strict UTF-8 and checks the size; a text is checked for the same. */
export function decodeText(input: string | Uint8Array, maxBytes: number): DecodedText {
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (size > maxBytes) {
    return failure("input-too-large", `The text has ${size} bytes; at most ${maxBytes} are read`);
  }
  const text = typeof input === "string" ? input : decodeUtf8(input, { keepBom: true });
  if (text === undefined || !text.isWellFormed()) {
    return failure("invalid-encoding", "The text is not valid UTF-8");
  }
  return { success: true, text };
}

function failure(code: Problem["code"], message: string): DecodedText {
  return { success: false, problem: { code, severity: "error", message, path: [] } };
}

/** Finds line and column of an offset. Lines end with LF; a CR before it belongs to the line. */
export function positionAt(text: string, offset: number): SourcePosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1, offset };
}

/** Finds the offset of a line and column, both from 1. */
export function offsetAt(text: string, line: number, column: number): number {
  let lineStart = 0;
  for (let current = 1; current < line; current++) {
    const end = text.indexOf("\n", lineStart);
    if (end === -1) break;
    lineStart = end + 1;
  }
  return Math.min(lineStart + column - 1, text.length);
}
