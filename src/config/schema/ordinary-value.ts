import { isObject, isRecord, type Members } from "../../core/own-member.ts";
import { isCredentialText } from "./misplaced-secrets.ts";
import { branchesOf, type SchemaNode, unwrapNode } from "./schema-node.ts";

/**
 * Whether a value has only keys that its schema knows, tables where tables belong, and no credential among its texts. Nearly every value
 * does, and to say so takes one look, where finding each problem and its place takes three. `false` says only that the three are needed.
 */
export function isOrdinaryValue(schema: SchemaNode, value: unknown): boolean {
  return isOrdinary(toShape(schema), value, undefined);
}

/** What a schema says of lists and tables, taken apart once: this is asked of each value of a file. */
interface Shape {
  readonly item?: Shape | undefined;
  readonly entries?: ReadonlyMap<string, Shape> | undefined;
}

const shapes = new WeakMap<SchemaNode, Shape>();

function toShape(schema: SchemaNode): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  // A branch without keys is a text's, and says nothing of a table.
  const [branch, ...others] = branchesOf(unwrapNode(schema)).filter(isOfListOrTable);
  const { item, entries } = others.length > 0 ? {} : (branch ?? {});
  const shape: Shape = {
    item: item && toShape(item),
    entries: entries && new Map(Object.entries(entries).map(([key, entry]) => [key, toShape(entry)])),
  };
  shapes.set(schema, shape);
  return shape;
}

function isOfListOrTable({ item, entries }: SchemaNode): boolean {
  return item !== undefined || entries !== undefined;
}

function isOrdinary(shape: Shape, value: unknown, name: string | undefined): boolean {
  if (Array.isArray(value)) return shape.item !== undefined && isOrdinaryArray(shape.item, value, name);
  return shape.entries !== undefined && isRecord(value) && isOrdinaryTable(shape.entries, value);
}

function isOrdinaryArray(item: Shape, elements: readonly unknown[], name: string | undefined): boolean {
  for (const element of elements) {
    if (typeof element === "string") {
      if (isCredentialText(element, name, false)) return false;
    } else if (isObject(element) && !isOrdinary(item, element, name)) return false;
  }
  return true;
}

function isOrdinaryTable(entries: ReadonlyMap<string, Shape>, table: Members): boolean {
  for (const key of Object.keys(table)) {
    const entry = entries.get(key);
    if (entry === undefined) return false;
    const member = table[key];
    if (typeof member === "string") {
      if (isCredentialText(member, key, true)) return false;
    } else if (isObject(member) && !isOrdinary(entry, member, key)) return false;
  }
  return true;
}
