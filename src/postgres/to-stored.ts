/**
 * PostgreSQL cannot store a text with a NUL, and refuses a statement that has one. Ids and requests of this
 * package have none, but a tool's output or a query may.
 */
export function toStored(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\u0000", "\ufffd");
  return Array.isArray(value) ? value.map(toStored) : value;
}
