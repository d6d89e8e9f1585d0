import { parse as parseAst, type ValueNode } from "@humanwhocodes/momoa";
import type { Problem, SourcePosition } from "./diagnostic.ts";
import { positionAt } from "./source-text.ts";
import type { ParsedText } from "./toml-text.ts";

/**
 * Parses JSON strictly: nesting is bounded, and a key that stands twice in one object is an error.
 * `JSON.parse` decides what is JSON; the syntax tree adds the places.
 */
export function parseJsonText(text: string, maxDepth: number): ParsedText {
  const json = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
  const tooDeep = findTooDeep(json, maxDepth);
  if (tooDeep !== undefined) {
    return failure("nesting-too-deep", `Nested more than ${maxDepth} levels deep`, json, tooDeep);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return failure("json-syntax", "The text is not valid JSON from here", json, findErrorOffset(json, error));
  }
  const problems = findDuplicates(parseAst(json, { mode: "json", ranges: true }).body, []);
  return { success: true, value, problems };
}

function failure(code: Problem["code"], message: string, text: string, offset: number): ParsedText {
  const start: SourcePosition = positionAt(text, offset);
  const range = { start, end: positionAt(text, Math.min(offset + 1, text.length)) };
  return { success: false, problem: { code, severity: "error", message, path: [], range } };
}

/** Finds the first bracket beyond a depth, without recursion. */
function findTooDeep(text: string, maxDepth: number): number | undefined {
  let depth = 0;
  let inString = false;
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset];
    if (inString) {
      if (character === "\\") offset++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > maxDepth) return offset;
  }
  return undefined;
}

// V8 tells the position in only some of its messages, and the syntax tree's parser accepts a little more than
// JSON; where neither knows, the end of the text is the best there is.
function findErrorOffset(text: string, error: unknown): number {
  try {
    parseAst(text, { mode: "json" });
  } catch (astError) {
    const offset = astError instanceof Error && "offset" in astError ? astError.offset : undefined;
    if (typeof offset === "number" && offset > 0) return offset;
  }
  const position = error instanceof Error ? /at position (\d+)/u.exec(error.message)?.[1] : undefined;
  return position === undefined ? text.length : Number(position);
}

function findDuplicates(node: ValueNode, path: readonly (string | number)[]): Problem[] {
  if (node.type === "Array") {
    return node.elements.flatMap((element, index) => findDuplicates(element.value, [...path, index]));
  }
  if (node.type !== "Object") return [];
  const seen = new Set<string>();
  return node.members.flatMap(({ name, value }) => {
    const key = name.type === "String" ? name.value : name.name;
    const inner = findDuplicates(value, [...path, key]);
    if (!seen.has(key)) {
      seen.add(key);
      return inner;
    }
    const message = "This key is defined twice";
    return [
      { code: "duplicate-key", severity: "error", message, path: [...path, key], range: name.loc } as const,
      ...inner,
    ];
  });
}
