const KEYS: ReadonlySet<string> = new Set(["id", "cache_type", "destination", "credentials", "permissions"]);

/**
 * Whether a cache says only what every cache does. Most do, and nobody has to look for what else they could
 * say.
 */
export function isPlainCache(table: object): boolean {
  for (const key in table) if (!KEYS.has(key)) return false;
  return true;
}
