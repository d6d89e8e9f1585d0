import type { ValueNode } from "@humanwhocodes/momoa";
import { lateModule } from "../../core/late-module.ts";
import type { Problem } from "./diagnostic.ts";
import { type GrowingPlace, leafPlace, type Span, type TextPlaces } from "./place.ts";
import { quoteKey } from "./secret-forms.ts";

const loadMomoa = lateModule<typeof import("@humanwhocodes/momoa")>("@humanwhocodes/momoa");

/** A parsed text with problems that did not stop the parser, or the syntax error that did. */
export type ParsedText =
  | {
      readonly success: true;
      readonly value: unknown;
      readonly problems: readonly Problem[];
      /** Finds the places of keys and values; only needed if there are problems. */
      readonly findPlaces: () => TextPlaces;
    }
  | { readonly success: false; readonly problem: Problem };

/**
 * Parses JSON strictly: nesting is bounded, and a duplicate key is an error. `JSON.parse` decides what is
 * JSON; the syntax tree adds the places.
 */
export function parseJsonText(text: string, maxDepth: number): ParsedText {
  const json = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
  const tooDeep = findTooDeep(json, maxDepth);
  if (tooDeep !== undefined) {
    return failure("nesting-too-deep", `Nested more than ${maxDepth} levels deep`, tooDeep);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const offset = findErrorOffset(json, error);
    return failure("json-syntax", "The text is not valid JSON from here", offset, explain(json, offset));
  }
  const problems = findDuplicates(parsePlaced(json), []);
  // Parsed again when places are needed, because a configuration keeps only the text; the tree is fifty times
  // as large.
  return { success: true, value, problems, findPlaces: () => toPlaces(parsePlaced(json)) };
}

function parsePlaced(json: string): ValueNode {
  return loadMomoa().parse(json, { mode: "json", ranges: true }).body;
}

function failure(code: Problem["code"], message: string, start: number, hint?: string): ParsedText {
  const span = { start, end: start + 1 };
  return { success: false, problem: { code, severity: "error", message, path: [], span, hint } };
}

/** Common mistakes where JSON stops, recognised by the characters around. */
function explain(text: string, offset: number): string {
  const before = text
    .slice(Math.max(offset - 200, 0), offset)
    .trimEnd()
    .at(-1);
  const at = text[offset];
  if (at === undefined) return "Close what is open: the text ends before its last bracket or quote";
  if (at === "/" || at === "#") return "Remove the comment: JSON has none";
  if (at === "'") return "Write texts in double quotes";
  if (before === "," && (at === "}" || at === "]")) return "Remove the comma before it: nothing follows";
  if (before === ":" && (at === "}" || at === "," || at === "]")) return "Write a value after the colon";
  if (/["\d}\]el]/u.test(before ?? "") && /["\w[{]/u.test(at))
    return "Write a comma or a colon between the two";
  return "Write keys and texts in double quotes, and commas between entries";
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

// Only some of V8's messages have the position, and the parser of the syntax tree accepts slightly more than
// JSON. If neither has it, the end of the text is used.
function findErrorOffset(text: string, error: unknown): number {
  try {
    loadMomoa().parse(text, { mode: "json" });
  } catch (treeError) {
    const offset = treeError instanceof Error && "offset" in treeError ? treeError.offset : undefined;
    if (typeof offset === "number") return offset;
  }
  const position = error instanceof Error ? /at position (\d+)/u.exec(error.message)?.[1] : undefined;
  return position === undefined ? text.length : Number(position);
}

interface Member {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: ValueNode;
}

function membersOf(node: ValueNode): Member[] {
  if (node.type !== "Object") return [];
  return node.members.map(({ name, value }) => ({
    key: name.type === "String" ? name.value : name.name,
    keySpan: spanOf(name),
    value,
  }));
}

function spanOf({ loc }: Pick<ValueNode, "loc">): Span {
  return { start: loc.start.offset, end: loc.end.offset };
}

function findDuplicates(node: ValueNode, path: readonly (string | number)[]): Problem[] {
  if (node.type === "Array") {
    return node.elements.flatMap((element, index) => findDuplicates(element.value, [...path, index]));
  }
  const seen = new Set<string>();
  return membersOf(node).flatMap(({ key, keySpan, value }) => {
    const inner = findDuplicates(value, [...path, key]);
    if (!seen.has(key)) {
      seen.add(key);
      return inner;
    }
    const message = `The key ${quoteKey(key)} is defined twice`;
    const hint = "Keep one of them; the other would be lost";
    const duplicate: Problem = {
      code: "duplicate-key",
      severity: "error",
      message,
      path: [...path, key],
      span: keySpan,
      hint,
    };
    return [duplicate, ...inner];
  });
}

/** Places of keys and values. Of duplicate keys the last one counts, as for `JSON.parse`. */
function toPlaces(tree: ValueNode): TextPlaces {
  const keyEnds = new Map<number, number>();
  const toPlace = (node: ValueNode): GrowingPlace => {
    if (node.type === "Array") {
      const elements = node.elements.map((element, index) => [index, toPlace(element.value)] as const);
      return { value: spanOf(node), members: new Map(elements) };
    }
    if (node.type !== "Object") return leafPlace(spanOf(node));
    const members = membersOf(node).map(({ key, keySpan, value }) => {
      keyEnds.set(keySpan.start, keySpan.end);
      return [key, { ...toPlace(value), key: keySpan }] as const;
    });
    return { value: spanOf(node), members: new Map(members) };
  };
  return { root: toPlace(tree), keyEnds };
}
