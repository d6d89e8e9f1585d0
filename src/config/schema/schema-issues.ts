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

/** Packs a code and a message into the one text that a valibot check carries. */
export function coded(code: (typeof SCHEMA_CODES)[number], message: string): string {
  return `${code}|${message}`;
}

/**
 * Checks a value against a schema, all problems at once. valibot's own messages quote what they received, so
 * none of them is passed on; unknown keys are looked for here, since it stops at the first and overlooks
 * names like `constructor`.
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
  // A hostile text has problems enough already; valibot would make several of each.
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
  // The schemas check and change nothing. The value itself is handed on, since valibot copies into plain
  // objects, where a polluted Object.prototype would fill absent keys in; the parsers' tables have no
  // prototype.
  return { problems, output: isClean ? (value as v.InferOutput<Schema>) : undefined };
}

/** Leaves out that a key is missing where another is there that was meant to be it. */
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

/** Writes the entry as it might be, from the schema's own example. */
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

// Of a union given a table, what counts is what its table branch says; of one given a text, the union itself.
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

// A received value is only compared, never printed; what is printed is the schema's own word.
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
