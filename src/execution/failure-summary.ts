import { quoteName } from "../core/text.ts";
import type { ExecutionResult } from "./executor.ts";
import { findFinalStatement, findFirstError } from "./final-statement.ts";

/** Longest quotation of a tool, and of a server, in UTF-16 units. */
const MAX_TOOL = 400;
const MAX_SERVER = 200;

/**
 * Quotes the reason of a failure from an output: the last line that begins with `error:`, what a server wrote
 * below it (marked as such), and the first error if it differs. Without such a line, it is the last line.
 *
 * @returns a text that begins with a colon; empty if there is nothing to quote
 */
export function summarizeFailure({ stderr, stdout }: ExecutionResult): string {
  const output = stderr.trim() === "" ? stdout : stderr;
  const statement = findFinalStatement(output);
  const last = firstLine(statement?.own) ?? lastLine(output);
  if (last === undefined) return "";
  const first = firstLine(findFirstError(output));
  const earlier =
    first === undefined || first === last ? "" : `; the first error was ${quoteName(first, MAX_TOOL)}`;
  return `: ${quoteName(last, MAX_TOOL)}${quoteServer(statement?.body)}${earlier}`;
}

/** The first line that is not empty; a bare "error:" has its text below. */
function firstLine(text: string | undefined): string | undefined {
  const [line, next] = (text ?? "").split("\n").flatMap((each) => (each.trim() === "" ? [] : [each.trim()]));
  return line === "error:" && next !== undefined ? `error: ${next}` : line;
}

function lastLine(output: string): string | undefined {
  return output
    .split("\n")
    .findLast((line) => line.trim() !== "")
    ?.trim();
}

function quoteServer(statement: string | undefined): string {
  const code = readElement("Code", statement);
  const message = readElement("Message", statement);
  const words = [code, message].filter((text) => text !== undefined).join(": ");
  return words === ""
    ? ""
    : `; the server's own words: "${quoteName(words.replaceAll('"', "'"), MAX_SERVER)}"`;
}

function readElement(name: "Code" | "Message", text: string | undefined): string | undefined {
  return new RegExp(`<${name}>([^<]{1,1000})</${name}>`, "u").exec(text ?? "")?.[1]?.trim();
}
