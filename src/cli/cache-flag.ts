import type { CliContext } from "./cli-context.ts";

/** The ids of the configured caches, for completion; none if the file does not load. */
async function proposeCacheIds(this: CliContext, partial: string): Promise<readonly string[]> {
  try {
    const { loadServerConfig } = await import("../decisions/index.ts");
    const { caches } = await loadServerConfig();
    return caches.map(({ id }) => id).filter((id) => id.startsWith(partial));
  } catch {
    return [];
  }
}

/** The flag that names a cache, for the parser. */
export const CACHE_FLAG = {
  kind: "parsed",
  parse: String,
  brief: "Id of the cache",
  placeholder: "id",
  proposeCompletions: proposeCacheIds,
} as const;
