import { type DocumentNode, parse as parseAst, type ValueNode } from "@humanwhocodes/momoa";
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
  const duplicate = findDuplicateKey(parseAst(json, { mode: "json", ranges: true }));
  if (duplicate === undefined) return { success: true, value };
  const { path, range } = duplicate;
  const message = "This key is defined twice";
  return { success: false, problem: { code: "duplicate-key", severity: "error", message, path, range } };
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

type DuplicateKey = Pick<Problem, "path" | "range">;

function findDuplicateKey(document: DocumentNode): DuplicateKey | undefined {
  return findIn(document.body, []);
}

function findIn(node: ValueNode, path: readonly (string | number)[]): DuplicateKey | undefined {
  if (node.type === "Array") {
    return findFirst(node.elements, (element, index) => findIn(element.value, [...path, index]));
  }
  if (node.type !== "Object") return undefined;
  const seen = new Set<string>();
  return findFirst(node.members, ({ name, value }) => {
    const key = name.type === "String" ? name.value : name.name;
    const keyPath = [...path, key];
    if (seen.has(key)) return { path: keyPath, range: name.loc };
    seen.add(key);
    return findIn(value, keyPath);
  });
}

function findFirst<T, R>(
  items: readonly T[],
  find: (item: T, index: number) => R | undefined,
): R | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
