import { parseJson } from "./text.ts";

/**
 * Parses JSON in which no object names a member twice; nothing for any other text. Parsers differ in which of two they believe, so that
 * an answer may say one thing to one reader and another to the next.
 */
export function parseStrictJson(text: string): unknown {
  const value = parseJson(text);
  return value === undefined || hasDoubledMember(text) ? undefined : value;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/gu;

/** @param json - a text that is JSON */
function hasDoubledMember(json: string): boolean {
  /** The names of each object that is open; nothing for a list. */
  const open: (Set<unknown> | undefined)[] = [];
  let isName = false;
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === "{" || token === "[") open.push(token === "{" ? new Set() : undefined);
    else if (token === "}" || token === "]") open.pop();
    const names = open.at(-1);
    if (token.startsWith('"') && isName && names !== undefined) {
      const name = parseJson(token);
      if (names.has(name)) return true;
      names.add(name);
    }
    isName = (token === "{" || token === ",") && names !== undefined;
  }
  return false;
}
