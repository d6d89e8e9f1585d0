import type { PathInfo } from "../commands/path-info.ts";
import type { CacheReader } from "./cache-reader.ts";
import type { PushContext } from "./push-context.ts";
import { withBinaryCache } from "./with-binary-cache.ts";

const BOUNDS = { maxConnections: 16, timeoutMs: 10_000 };

/**
 * Asks a bucket for the NARs of some paths, for at most 10 s and within the push's deadline. A NAR counts as
 * missing only if the bucket says so: the keys may not be allowed to ask, and Nix may have found it
 * elsewhere.
 *
 * @returns the paths whose NAR is missing
 */
export async function findGoneNars(
  storePaths: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  reader: CacheReader,
  context: PushContext,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  try {
    await withBinaryCache(reader, context, BOUNDS, async (cache, signal) => {
      const asked = storePaths.map(async (path) => {
        const { narUrl = "" } = found.get(path) ?? {};
        if (/^[A-Za-z0-9._/-]+$/u.test(narUrl) && !(await cache.has(narUrl, signal))) gone.add(path);
      });
      await Promise.allSettled(asked);
    });
  } catch {
    // Credentials that cannot sign here are those of a profile, which only Nix reads.
  }
  return gone;
}
