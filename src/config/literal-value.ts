import { isObject } from "../own-member.ts";

/** The language a configuration is written in. */
export type Dialect = "toml" | "json";

/** Writes a key with its value, as it stands in a configuration: `id = "x"` or `"id": "x"`. */
export function writeEntry(key: string, value: unknown, dialect: Dialect): string {
  return dialect === "json"
    ? `${JSON.stringify(key)}: ${writeJson(value)}`
    : `${writeTomlKey(key)} = ${writeToml(value)}`;
}

/** Writes a text, flag, number, list or table as TOML on one line. */
export function writeToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeToml).join(", ")}]`;
  if (!isObject(value)) return writeScalar(value);
  const entries = Object.entries(value).map(([key, inner]) => writeEntry(key, inner, "toml"));
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

function writeTomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/u.test(key) ? key : writeScalar(key);
}

function writeJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(", ")}]`;
  if (!isObject(value)) return writeScalar(value);
  const entries = Object.entries(value).map(([key, inner]) => writeEntry(key, inner, "json"));
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

// JSON's escapes are all TOML's too, but TOML wants DEL escaped as well.
function writeScalar(value: unknown): string {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    throw new TypeError("Neither a text, a number nor a flag");
  }
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
