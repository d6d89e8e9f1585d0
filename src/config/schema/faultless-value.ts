import type * as v from "valibot";
import { isRecord, toMembers } from "../../core/own-member.ts";
import { isCredentialText } from "./misplaced-secrets.ts";
import { branchesOf, type SchemaNode, unwrapNode, wordsOf } from "./schema-node.ts";

/**
 * Whether a value is certainly valid: it matches its schema, it has only known keys, and none of its texts is
 * a credential. Nearly every value is. This takes one pass; finding each problem and its place takes three,
 * and copies the value. `false` means only that the three passes are needed.
 */
export function isFaultlessValue<Schema extends v.GenericSchema & SchemaNode>(
  schema: Schema,
  value: unknown,
): value is v.InferOutput<Schema> {
  return toTest(schema)(value, undefined, false);
}

/**
 * Tells of one value.
 *
 * @param name - the nearest key
 * @param isOfKey - whether it is the value of this key, and not of a list below it
 */
type Test = (value: unknown, name: string | undefined, isOfKey: boolean) => boolean;

/** Created once for each schema, because they test each value of a file. */
const tests = new WeakMap<SchemaNode, Test>();

function toTest(schema: SchemaNode): Test {
  const known = tests.get(schema);
  if (known !== undefined) return known;
  const node = unwrapNode(schema);
  const [base, ...steps] = node.pipe ?? [];
  // A schema with steps may be the first step of another.
  const isOfType = isNodeWithSteps(base) ? toTest(base) : toTypeTest(node);
  const checks = steps.flatMap(toCheck);
  const test = checks.length === 0 ? isOfType : withChecks(isOfType, checks);
  tests.set(schema, test);
  return test;
}

/** A loop, because a closure for each value of a large file is slow. */
function withChecks(isOfType: Test, checks: readonly Check[]): Test {
  return (value, name, isOfKey) => {
    if (!isOfType(value, name, isOfKey)) return false;
    for (const check of checks) if (!check(value)) return false;
    return true;
  };
}

function isNodeWithSteps(value: unknown): value is SchemaNode {
  const { kind, pipe } = toMembers(value);
  return kind === "schema" && Array.isArray(pipe);
}

const NEVER: Test = () => false;

function toTypeTest(node: SchemaNode): Test {
  switch (node.type) {
    case "string":
      return (value, name, isOfKey) => typeof value === "string" && !isCredentialText(value, name, isOfKey);
    case "boolean":
      return (value) => typeof value === "boolean";
    case "number":
      return (value) => typeof value === "number" && !Number.isNaN(value);
    case "picklist": {
      const words = new Set<unknown>(wordsOf(node));
      return (value) => words.has(value);
    }
    case "union": {
      const branches = branchesOf(node).map(toTest);
      return (value, name, isOfKey) => {
        for (const isBranch of branches) if (isBranch(value, name, isOfKey)) return true;
        return false;
      };
    }
    case "array":
      return node.item === undefined ? NEVER : toArrayTest(toTest(node.item));
    case "strict_object":
    case "loose_object":
    case "object":
      return toTableTest(node);
    default:
      return NEVER;
  }
}

function toArrayTest(isItem: Test): Test {
  return (value, name) => {
    if (!Array.isArray(value)) return false;
    for (const item of value) if (!isItem(item, name, false)) return false;
    return true;
  };
}

function toTableTest({ entries = {} }: SchemaNode): Test {
  const ofEntries = new Map(
    Object.entries(entries).map(([key, entry]) => [
      key,
      { test: toTest(entry), isRequired: !isOptional(entry) },
    ]),
  );
  const required = [...ofEntries.values()].filter(({ isRequired }) => isRequired).length;
  return (value) => {
    if (!isRecord(value)) return false;
    let found = 0;
    // No schema knows an inherited key. A list of keys for each table of a large file is slow.
    for (const key in value) {
      const entry = ofEntries.get(key);
      if (entry?.test(value[key], key, true) !== true) return false;
      if (entry.isRequired) found++;
    }
    return found === required;
  };
}

function isOptional({ type }: SchemaNode): boolean {
  return type === "optional";
}

type Check = (value: unknown) => boolean;

/** The test of a step after a schema; an unknown step accepts nothing. */
function toCheck(step: unknown): Check[] {
  const { kind, type, requirement } = toMembers(step);
  if (kind === "metadata") return [];
  const limit = typeof requirement === "number" ? requirement : Number.NaN;
  switch (kind === "validation" ? type : undefined) {
    case "regex":
      return requirement instanceof RegExp
        ? [(value) => typeof value === "string" && requirement.test(value)]
        : [() => false];
    case "check":
      return typeof requirement === "function" ? [(value) => requirement(value) === true] : [() => false];
    case "integer":
      return [(value) => Number.isInteger(value)];
    case "min_length":
      return [(value) => lengthOf(value) >= limit];
    case "max_length":
      return [(value) => lengthOf(value) <= limit];
    case "min_value":
      return [(value) => typeof value === "number" && value >= limit];
    case "max_value":
      return [(value) => typeof value === "number" && value <= limit];
    default:
      return [() => false];
  }
}

function lengthOf(value: unknown): number {
  return typeof value === "string" || Array.isArray(value) ? value.length : Number.NaN;
}
