import * as v from "valibot";
import { didYouMean } from "../../core/suggestion.ts";
import type { DiagnosticCode, Problem } from "../text/diagnostic.ts";
import { type KeyPath, toPathId } from "../text/key-path.ts";
import { type Dialect, writeEntry } from "../text/literal-value.ts";
import { quoteKey } from "../text/secret-forms.ts";
import { branchesOf, exampleOf, findNode, type SchemaNode, wordsOf } from "./schema-node.ts";
import { findStructureProblems } from "./structure-problems.ts";

/** Codes that a check inside a schema may give. */
const SCHEMA_CODES = [
  "invalid-value",
  "invalid-type",
  "invalid-cache-id",
  "too-many-caches",
] as const satisfies DiagnosticCode[];

const MAX_STRUCTURE_PROBLEMS = 10_000;

/** Packs a code and a message into the text of a valibot check. */
export function coded(code: (typeof SCHEMA_CODES)[number], message: string): string {
  return `${code}|${message}`;
}

/**
 * Checks a value against a schema and returns all problems. valibot's own messages quote values, so they are
 * not passed on. Unknown keys are found here, because valibot stops at the first and overlooks names such as
 * `constructor`.
 *
 * @param options - `explain: false` leaves out examples, for problems that are only counted
 */
export function findSchemaProblems<Schema extends v.GenericSchema & SchemaNode>(
  schema: Schema,
  value: unknown,
  dialect: Dialect,
  { explain = true } = {},
): { readonly problems: readonly Problem[]; readonly output: v.InferOutput<Schema> | undefined } {
  const structure = findStructureProblems(schema, value);
  // A hostile text has many problems already; valibot would report several for each.
  if (structure.length > MAX_STRUCTURE_PROBLEMS) return { problems: structure, output: undefined };
  const result = v.safeParse(schema, value, { abortPipeEarly: true });
  const noTables = new Set(
    structure.filter(({ code }) => code === "invalid-type").map(({ path }) => toPathId(path)),
  );
  const issues = (result.issues ?? [])
    .flatMap((issue) => flatten(issue, []))
    .filter((issue) => !isUnknownKey(issue) && !isWithinAny(issue.path, noTables));
  const found = [...issues.map((issue) => toProblem(issue, schema)), ...structure];
  const meant = withoutMisspelt(found);
  const problems = !explain
    ? meant
    : meant.map((problem) => ({ ...problem, hint: problem.hint ?? showExample(schema, problem, dialect) }));
  const isClean = result.success && problems.every(({ severity }) => severity === "warning");
  // The schemas check and change nothing. The value itself is passed on, because valibot copies into plain
  // objects, where a polluted Object.prototype would add absent keys. The parsers' tables have no prototype.
  return { problems, output: isClean ? (value as v.InferOutput<Schema>) : undefined };
}

/** Leaves out a missing key if a misspelt one is in its place. */
function withoutMisspelt(problems: readonly Problem[]): readonly Problem[] {
  const meant = new Set(
    problems.flatMap(({ path, means }) =>
      means === undefined ? [] : [toPathId([...path.slice(0, -1), means])],
    ),
  );
  return meant.size === 0
    ? problems
    : problems.filter(({ code, path }) => code !== "missing-key" || !meant.has(toPathId(path)));
}

/** Writes an example entry, from the schema. */
function showExample(schema: SchemaNode, { path }: Problem, dialect: Dialect): string | undefined {
  const names = path.findLastIndex((key) => typeof key === "string");
  const key = path[names];
  const node = typeof key === "string" ? findNode(schema, path.slice(0, names + 1)) : undefined;
  if (typeof key !== "string" || node === undefined) return undefined;
  if (dialect === "toml" && node.item?.entries !== undefined) return `Write [[${key}]] above each of them`;
  const example = exampleOf(node);
  return example === undefined ? undefined : `As in ${writeEntry(key, example, dialect)}`;
}

interface PlacedIssue {
  readonly issue: v.BaseIssue<unknown>;
  readonly path: KeyPath;
}

// For a table given to a union, the problems of its table branch count; for a text, those of the union.
function flatten(issue: v.BaseIssue<unknown>, parent: KeyPath): PlacedIssue[] {
  const path = [...parent, ...(issue.path ?? []).map((item) => toKey(item.key))];
  if (issue.type !== "union" || typeof issue.input !== "object") return [{ issue, path }];
  const inner = (issue.issues ?? []).filter(
    (candidate) => candidate.path !== undefined || candidate.type !== "picklist",
  );
  return inner.flatMap((candidate) => flatten(candidate, path));
}

function toKey(key: unknown): string | number {
  return typeof key === "number" ? key : String(key);
}

function isUnknownKey({ issue }: PlacedIssue): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

function isWithinAny(path: KeyPath, parents: ReadonlySet<string>): boolean {
  return parents.size > 0 && path.some((_key, index) => parents.has(toPathId(path.slice(0, index + 1))));
}

function toProblem({ issue, path }: PlacedIssue, schema: SchemaNode): Problem {
  if (issue.kind === "validation") {
    const code = SCHEMA_CODES.find((candidate) => issue.message.startsWith(`${candidate}|`));
    if (code === undefined) throw new TypeError("A check of the schema carries no code");
    const message = issue.message.slice(code.length + 1);
    return { code, severity: "error", message, path, hint: suggest(issue, findNode(schema, path)) };
  }
  if (issue.received === "undefined" && /_object$/u.test(issue.type)) {
    const message = `The key ${quoteKey(path.at(-1))} is missing`;
    return { code: "missing-key", severity: "error", message, path };
  }
  const code = issue.type === "picklist" ? "invalid-value" : "invalid-type";
  return {
    code,
    severity: "error",
    message: `Expected ${describeExpected(issue)}`,
    path,
    hint: suggest(issue, findNode(schema, path)),
  };
}

// A received value is only compared, never printed. What is printed is the schema's own word.
function suggest({ input }: v.BaseIssue<unknown>, node: SchemaNode | undefined): string | undefined {
  if (typeof input !== "string" || node === undefined) return undefined;
  return didYouMean(input, branchesOf(node).flatMap(wordsOf));
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a text",
  boolean: "true or false",
  number: "a number",
  Array: "an array",
  Object: "a table",
};

function describeExpected(issue: v.BaseIssue<unknown>): string {
  const expected = issue.expected ?? "another value";
  if (issue.type === "union" && !expected.includes("Object")) return "a text";
  if (issue.type === "union")
    return `a table or ${expected.replace(/ \| Object|[()]/gu, "").replaceAll(" | ", " or ")}`;
  if (issue.type === "picklist") return expected.replace(/[()]/gu, "").replaceAll(" | ", " or ");
  return EXPECTED[expected] ?? expected;
}
