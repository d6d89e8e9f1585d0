import { isObject, isRecord, type Members } from "../../core/own-member.ts";
import { findNearest, suggest } from "../../core/suggestion.ts";
import type { Problem } from "../text/diagnostic.ts";
import { type KeyPath, type LinkedPath, toKeyPath } from "../text/key-path.ts";
import { quoteKey } from "../text/secret-forms.ts";
import { isMisplaced } from "./credential-advice.ts";
import { inlineSecret } from "./misplaced-secrets.ts";
import { branchesOf, entryOf, type SchemaNode, unwrapNode } from "./schema-node.ts";

/** Finds keys that a strict table does not know, and values that must be tables and are not. */
export function findStructureProblems(schema: SchemaNode, value: unknown): Problem[] {
  const problems: Problem[] = [];
  findInValue(schema, value, undefined, problems);
  return problems;
}

function findInValue(
  schema: SchemaNode,
  value: unknown,
  at: LinkedPath | undefined,
  problems: Problem[],
): void {
  const node = unwrapNode(schema);
  if (node.type === "union") {
    for (const branch of branchesOf(node)) {
      if (branch.entries !== undefined) findInValue(branch, value, at, problems);
    }
  } else if (node.item !== undefined && Array.isArray(value)) {
    for (let step = 0; step < value.length; step++) {
      const element: unknown = value[step];
      if (isObject(element)) findInValue(node.item, element, { step, parent: at }, problems);
    }
  } else if (node.entries !== undefined && typeof value === "object" && value !== null) {
    if (isRecord(value)) findInTable(node, value, at, problems);
    else problems.push(notATable(toKeyPath(at)));
  }
}

// valibot takes an array or a date for an object.
function notATable(path: KeyPath): Problem {
  return { code: "invalid-type", severity: "error", message: "Expected a table", path };
}

function findInTable(
  node: SchemaNode,
  table: Members,
  at: LinkedPath | undefined,
  problems: Problem[],
): void {
  for (const step of Object.keys(table)) {
    const entry = entryOf(node, step);
    if (entry !== undefined) {
      const member = table[step];
      // A text or a number has no keys.
      if (isObject(member)) findInValue(entry, member, { step, parent: at }, problems);
    } else if (node.type === "strict_object") problems.push(unknownKey(node, step, table, toKeyPath(at)));
    else if (node.type === "object") problems.push(...nearMiss(node, step, toKeyPath(at)));
  }
}

function unknownKey(node: SchemaNode, key: string, table: Members, parent: KeyPath): Problem {
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
    hint: nearest === undefined ? listKeys(known) : suggest(nearest),
  };
}

/**
 * In a table that also has keys of others, a key that is close to one of ours was probably meant to be it.
 */
function nearMiss(node: SchemaNode, key: string, parent: KeyPath): Problem[] {
  const nearest = findNearest(key, Object.keys(node.entries ?? {}));
  if (nearest === undefined) return [];
  const message = `The key ${quoteKey(key)} has no meaning for caches`;
  const path = [...parent, key];
  return [{ code: "unknown-key", severity: "warning", message, path, part: "key", hint: suggest(nearest) }];
}

function listKeys(known: readonly string[]): string {
  return known.length === 0 ? "This table has no keys" : `Keys here are ${known.join(", ")}`;
}
