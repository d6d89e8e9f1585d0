/**
 * PostgreSQL keeps no text with a NUL in it, and refuses a statement that has one. Ids and requests that this
 * package writes have none; what a tool printed, and what somebody asks for, may.
 */
export function toStored(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\u0000", "\ufffd");
  return Array.isArray(value) ? value.map(toStored) : value;
}
