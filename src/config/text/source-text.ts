import { decodeUtf8 } from "../../core/text.ts";
import type { Problem } from "./diagnostic.ts";

/** A text to parse, or the reason why there is none. */
export type DecodedText =
  | { readonly success: true; readonly text: string }
  | {
      readonly success: false;
      readonly problem: Problem;
      /** What could be read of it, to show the place. */
      readonly text?: string | undefined;
    };

/** Decodes bytes as strict UTF-8 and checks the size; a text is checked for the same. */
export function decodeText(input: string | Uint8Array, maxBytes: number): DecodedText {
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (size > maxBytes) {
    const message = `The text has ${size} bytes; at most ${maxBytes} are read`;
    return { success: false, problem: { code: "input-too-large", severity: "error", message, path: [] } };
  }
  if (typeof input === "string") return input.isWellFormed() ? { success: true, text: input } : fail(input);
  const text = decodeUtf8(input, { keepBom: true });
  return text === undefined ? fail(...decodeLeniently(input)) : { success: true, text };
}

function fail(text: string, offset = text.search(/\p{Surrogate}/u)): DecodedText {
  const problem: Problem = {
    code: "invalid-encoding",
    severity: "error",
    message: "The text is not valid UTF-8 from here",
    path: [],
    span: { start: offset, end: offset + 1 },
    hint: "Save the file as UTF-8",
  };
  return { success: false, problem, text };
}

/** Decodes as much as possible, and finds the first byte that cannot be decoded. */
function decodeLeniently(bytes: Uint8Array): [text: string, offset: number] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = decoder.decode(bytes);
  // Bytes that are not UTF-8 come back as the three of U+FFFD.
  const returned = new TextEncoder().encode(text);
  const different = returned.findIndex((byte, index) => byte !== bytes[index]);
  return [text, decoder.decode(returned.subarray(0, different), { stream: true }).length];
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
