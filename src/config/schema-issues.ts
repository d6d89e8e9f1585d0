import * as v from "valibot";
import { quoteName } from "../text.ts";
import type { DiagnosticCode, Problem } from "./diagnostic.ts";

/** Codes that a check inside a schema may give. */
const SCHEMA_CODES = [
  "invalid-value",
  "invalid-type",
  "invalid-cache-id",
] as const satisfies DiagnosticCode[];

/** Packs a code and a message into the one text that a valibot check carries. */
export function coded(code: (typeof SCHEMA_CODES)[number], message: string): string {
  return `${code}|${message}`;
}

/**
 * Checks a value against a schema, all problems at once. valibot's own messages quote what they received, so
 * none of them is passed on; unknown keys are looked for here, since it stops at the first and overlooks names
 * like `constructor`.
 */
export function findSchemaProblems<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): { readonly problems: readonly Problem[]; readonly output: v.InferOutput<Schema> | undefined } {
  const result = v.safeParse(schema, value);
  const structure = findStructureProblems(schema, value, []);
  const noTables = structure.filter(({ code }) => code === "invalid-type").map(({ path }) => path);
  const issues = (result.issues ?? [])
    .flatMap((issue) => flatten(issue, []))
    .filter((issue) => !isUnknownKey(issue) && !noTables.some((path) => isWithin(issue.path, path)));
  const problems = [...issues.map(toProblem), ...structure];
  return { problems, output: result.success && problems.length === 0 ? detach(result.output) : undefined };
}

interface PlacedIssue {
  readonly issue: v.BaseIssue<unknown>;
  readonly path: readonly (string | number)[];
}

// Of a union given a table, what counts is what its table branch says; of one given a text, the union itself.
function flatten(issue: v.BaseIssue<unknown>, parent: readonly (string | number)[]): PlacedIssue[] {
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

function toProblem({ issue, path }: PlacedIssue): Problem {
  if (issue.kind === "validation") {
    const code = SCHEMA_CODES.find((candidate) => issue.message.startsWith(`${candidate}|`));
    if (code === undefined) throw new TypeError("A check of the schema carries no code");
    return { code, severity: "error", message: issue.message.slice(code.length + 1), path };
  }
  if (issue.received === "undefined" && /_object$/u.test(issue.type)) {
    return {
      code: "missing-key",
      severity: "error",
      message: `The key ${quoteName(String(path.at(-1)))} is missing`,
      path,
    };
  }
  const code = issue.type === "picklist" ? "invalid-value" : "invalid-type";
  return { code, severity: "error", message: `Expected ${describeExpected(issue)}`, path };
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
  if (issue.type === "union")
    return `a table or ${expected.replace(/ \| Object|[()]/gu, "").replaceAll(" | ", " or ")}`;
  if (issue.type === "picklist") return expected.replace(/[()]/gu, "").replaceAll(" | ", " or ");
  return EXPECTED[expected] ?? expected;
}

/** What this file needs to know of a valibot schema to walk it. */
interface SchemaNode {
  readonly type: string;
  readonly wrapped?: SchemaNode;
  readonly item?: SchemaNode;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly options?: readonly SchemaNode[];
}

type KeyPath = readonly (string | number)[];

function findStructureProblems(schema: SchemaNode, value: unknown, path: KeyPath): Problem[] {
  if (schema.wrapped !== undefined) return findStructureProblems(schema.wrapped, value, path);
  if (schema.options !== undefined) return findInUnion(schema.options, value, path);
  if (schema.item !== undefined && Array.isArray(value)) {
    const { item } = schema;
    return value.flatMap((element, index) => findStructureProblems(item, element, [...path, index]));
  }
  if (schema.entries === undefined || typeof value !== "object" || value === null) return [];
  return isTable(value) ? findInTable(schema, schema.entries, value, path) : [notATable(path)];
}

// valibot takes an array or a date for an object.
function notATable(path: KeyPath): Problem {
  return { code: "invalid-type", severity: "error", message: "Expected a table", path };
}

function isWithin(path: KeyPath, parent: KeyPath): boolean {
  return parent.every((key, index) => path[index] === key);
}

function findInUnion(options: readonly SchemaNode[], value: unknown, path: KeyPath): Problem[] {
  const tables = options.filter((option) => option.entries !== undefined);
  return tables.flatMap((option) => findStructureProblems(option, value, path));
}

function findInTable(
  schema: SchemaNode,
  entries: Readonly<Record<string, SchemaNode>>,
  value: Table,
  path: KeyPath,
): Problem[] {
  return Object.keys(value).flatMap((key) => {
    const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
    if (entry !== undefined) return findStructureProblems(entry, value[key], [...path, key]);
    return schema.type === "strict_object" ? [unknownKey([...path, key])] : [];
  });
}

function unknownKey(path: KeyPath): Problem {
  const message = `The key ${quoteName(String(path.at(-1)), 64)} is not known here`;
  return { code: "unknown-key", severity: "error", message, path };
}

/** A TOML table or JSON object. */
export type Table = Readonly<Record<string, unknown>>;

/** Whether a parsed value is a table. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

// valibot builds its output from plain objects; without their prototype, an absent key stays absent even where
// Object.prototype was polluted.
function detach<T>(value: T): T {
  if (Array.isArray(value)) value.forEach(detach);
  else if (isTable(value)) {
    Object.setPrototypeOf(value, null);
    Object.values(value).forEach(detach);
  }
  return value;
}
