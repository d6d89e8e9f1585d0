const KEYS: ReadonlySet<string> = new Set(["id", "cache_type", "destination", "credentials", "permissions"]);

/**
 * Whether a cache has only the keys that every cache has. Most do, so further checks can be skipped.
 */
export function isPlainCache(table: object): boolean {
  for (const key in table) if (!KEYS.has(key)) return false;
  return true;
}
