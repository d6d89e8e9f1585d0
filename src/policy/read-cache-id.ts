/** An id is a text; what is none is named by its kind, which is the id of no cache. */
export function readCacheId(id: unknown): string {
  return typeof id === "string" ? id : `<${id === null ? "null" : typeof id}>`;
}
