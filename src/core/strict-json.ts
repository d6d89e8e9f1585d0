import { parseJson } from "./text.ts";

/**
 * Parses JSON without duplicate members; returns nothing for any other text. Parsers differ in which
 * duplicate they use, so one text could mean different things to different readers.
 */
export function parseStrictJson(text: string): unknown {
  const value = parseJson(text);
  return value === undefined || hasDoubledMember(text) ? undefined : value;
}

/** The next token after a place: a text, or a character that opens, separates or closes objects and lists. */
function* findTokens(json: string): Generator<string> {
  const mark = /["{}[\],]/gu;
  for (let found = mark.exec(json); found !== null; found = mark.exec(json)) {
    const [token] = found;
    if (token !== '"') {
      yield token;
      continue;
    }
    // A pattern for a whole text would overflow the stack on a long one.
    const end = findEnd(json, mark.lastIndex);
    yield json.slice(found.index, end);
    mark.lastIndex = end;
  }
}

/** The place after the closing quote of a text. */
function findEnd(json: string, start: number): number {
  for (let quote = json.indexOf('"', start); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

/** @param json - a text that is JSON */
function hasDoubledMember(json: string): boolean {
  /** The names of each object that is open; nothing for a list. */
  const open: (Set<unknown> | undefined)[] = [];
  let isName = false;
  for (const token of findTokens(json)) {
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
