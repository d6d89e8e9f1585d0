import { toMembers } from "../../core/own-member.ts";

/** Queries of a valibot schema whose type is not known. */
export interface SchemaNode {
  readonly kind: "schema";
  readonly type: string;
  readonly wrapped?: SchemaNode;
  readonly item?: SchemaNode;
  readonly value?: SchemaNode;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  /** Branches of a union, or words of a picklist. */
  readonly options?: readonly (SchemaNode | string)[];
  readonly pipe?: readonly unknown[];
}

/** The schema inside `optional`. */
export function unwrapNode(node: SchemaNode): SchemaNode {
  return Object.hasOwn(node, "wrapped") && node.wrapped !== undefined ? unwrapNode(node.wrapped) : node;
}

/** The branches of a union; of any other schema, itself. */
export function branchesOf(node: SchemaNode): readonly SchemaNode[] {
  const branches = (node.options ?? []).filter((option) => typeof option !== "string");
  return node.type === "union" ? branches : [node];
}

/** The words of a picklist; none for any other schema. */
export function wordsOf(node: SchemaNode): readonly string[] {
  return (node.options ?? []).filter((option) => typeof option === "string");
}

/** The entry of a key, if the schema has it. */
export function entryOf(node: SchemaNode, key: string): SchemaNode | undefined {
  return node.entries !== undefined && Object.hasOwn(node.entries, key) ? node.entries[key] : undefined;
}

/** Finds what a schema says of the value at a path. */
export function findNode(schema: SchemaNode, path: readonly (string | number)[]): SchemaNode | undefined {
  const node = unwrapNode(schema);
  const [step, ...rest] = path;
  if (step === undefined) return node;
  for (const branch of branchesOf(node)) {
    const next = typeof step === "number" ? branch.item : (entryOf(branch, step) ?? branch.value);
    const found = next && findNode(next, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** An example of a value: the schema's own, else a table of those of its required keys. */
export function exampleOf(node: SchemaNode): unknown {
  const inner = unwrapNode(node);
  const [example] = (inner.pipe ?? []).flatMap((action) => {
    const { type, examples } = toMembers(action);
    return type === "examples" && Array.isArray(examples) ? examples : [];
  });
  if (example !== undefined || inner.entries === undefined) return example;
  const required = Object.entries(inner.entries).filter(([, entry]) => unwrapNode(entry) === entry);
  return Object.fromEntries(required.map(([key, entry]) => [key, exampleOf(entry)]));
}

/** All keys and words that a schema knows. */
export function collectVocabulary(schema: SchemaNode): ReadonlySet<string> {
  const words = new Set(["true", "false", "null"]);
  const visit = (node: SchemaNode): void => {
    for (const word of wordsOf(node)) words.add(word);
    for (const [key, entry] of Object.entries(node.entries ?? {})) {
      words.add(key);
      visit(entry);
    }
    for (const inner of [node.wrapped, node.item, node.value, ...branchesOf(node)]) {
      if (inner !== undefined && inner !== node) visit(inner);
    }
  };
  visit(schema);
  return words;
}
