/** A cache id is a text. Any other value is shown by its type, which is the id of no cache. */
export function readCacheId(id: unknown): string {
  return typeof id === "string" ? id : `<${id === null ? "null" : typeof id}>`;
}
