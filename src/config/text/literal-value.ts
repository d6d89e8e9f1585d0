import { isObject } from "../../core/own-member.ts";

/** The language a configuration is written in. */
export type Dialect = "toml" | "json";

/** Writes a key with its value, as in a configuration: `id = "x"` or `"id": "x"`. */
export function writeEntry(key: string, value: unknown, dialect: Dialect): string {
  const written = writeValue(value, dialect);
  if (dialect === "json") return `${JSON.stringify(key)}: ${written}`;
  return `${/^[A-Za-z0-9_-]+$/u.test(key) ? key : writeScalar(key)} = ${written}`;
}

/** Writes a text, flag, number, list or table on one line. */
export function writeValue(value: unknown, dialect: Dialect): string {
  if (Array.isArray(value)) return `[${value.map((item) => writeValue(item, dialect)).join(", ")}]`;
  if (!isObject(value)) return writeScalar(value);
  const entries = Object.entries(value).map(([key, inner]) => writeEntry(key, inner, dialect));
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

// All escapes of JSON are valid in TOML, but TOML also requires DEL to be escaped.
function writeScalar(value: unknown): string {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    throw new TypeError("Neither a text, a number nor a flag");
  }
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
