import { askFor, findNearest } from "../suggestion.ts";
import { isMisplaced } from "./credential-advice.ts";
import type { Problem } from "./diagnostic.ts";
import type { KeyPath } from "./key-path.ts";
import { inlineSecret } from "./misplaced-secrets.ts";
import { branchesOf, entryOf, type SchemaNode, unwrapNode } from "./schema-node.ts";
import { quoteKey } from "./secret-forms.ts";

/** A TOML table or JSON object. */
export type Table = Readonly<Record<string, unknown>>;

/** Whether a parsed value is a table. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Finds keys that a strict table does not know, and values that must be tables and are not. */
export function findStructureProblems(schema: SchemaNode, value: unknown, path: KeyPath): Problem[] {
  const node = unwrapNode(schema);
  if (node.type === "union") {
    const tables = branchesOf(node).filter((branch) => branch.entries !== undefined);
    return tables.flatMap((branch) => findStructureProblems(branch, value, path));
  }
  if (node.item !== undefined && Array.isArray(value)) {
    const { item } = node;
    return value.flatMap((element, index) => findStructureProblems(item, element, [...path, index]));
  }
  if (node.entries === undefined || typeof value !== "object" || value === null) return [];
  return isTable(value) ? findInTable(node, value, path) : [notATable(path)];
}

// valibot takes an array or a date for an object.
function notATable(path: KeyPath): Problem {
  return { code: "invalid-type", severity: "error", message: "Expected a table", path };
}

function findInTable(node: SchemaNode, table: Table, path: KeyPath): Problem[] {
  return Object.keys(table).flatMap((key) => {
    const entry = entryOf(node, key);
    if (entry !== undefined) return findStructureProblems(entry, table[key], [...path, key]);
    if (node.type === "strict_object") return [unknownKey(node, key, table, path)];
    return node.type === "object" ? nearMiss(node, key, path) : [];
  });
}

function unknownKey(node: SchemaNode, key: string, table: Table, parent: KeyPath): Problem {
  const path = [...parent, key];
  const known = Object.keys(node.entries ?? {});
  const nearest = findNearest(key, known);
  if (isMisplaced(key, table[key], nearest !== undefined)) {
    return inlineSecret(path, {
      name: key,
      cacheType: table["cache_type"],
      destination: table["destination"],
    });
  }
  return {
    code: "unknown-key",
    severity: "error",
    message: `The key ${quoteKey(key)} is not known here`,
    path,
    part: "key",
    means: nearest,
    hint: nearest === undefined ? listKeys(known) : askFor(nearest),
  };
}

/** In a table that has keys of others too, one that is nearly ours was probably meant to be. */
function nearMiss(node: SchemaNode, key: string, parent: KeyPath): Problem[] {
  const nearest = findNearest(key, Object.keys(node.entries ?? {}));
  if (nearest === undefined) return [];
  const message = `The key ${quoteKey(key)} means nothing to the caches`;
  const path = [...parent, key];
  return [{ code: "unknown-key", severity: "warning", message, path, part: "key", hint: askFor(nearest) }];
}

function listKeys(known: readonly string[]): string {
  return known.length === 0 ? "This table has no keys" : `Keys here are ${known.join(", ")}`;
}
