import type { CacheDefinition, HttpDestination } from "../core/cache.ts";
import { quoteName } from "../core/text.ts";
import { findKnownPaths } from "../upload/ask-binary-cache.ts";
import { Limiter } from "../upload/limiter.ts";
import type { PushContext } from "./push-context.ts";
import { withBinaryCache } from "./with-binary-cache.ts";

/** Most questions at once. */
const MAX_REQUESTS = 64;
/** How long an upstream may take to answer, in milliseconds. */
const TIMEOUT_MS = 30_000;

/**
 * Finds out which paths the upstream caches of a cache have. They are asked one after the other, each for what those before it lack. One that does not
 * answer has nothing, so that more is pushed than need be.
 *
 * @param roots - paths that are asked for in any case; of the others, some answers are remembered
 */
export async function findUpstreamHoldings(
  paths: readonly string[],
  roots: readonly string[],
  { id, upstreamCaches = [] }: CacheDefinition,
  context: PushContext,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const url of upstreamCaches) {
    const left = paths.filter((path) => !found.has(path));
    if (left.length === 0) break;
    try {
      for (const path of await askUpstream(url, left, roots, context)) found.add(path);
    } catch {
      if (context.deadline.signal.aborted) break;
      context.runtime.warn(
        `The upstream ${quoteName(url, 256)} of ${id} did not answer; nothing is left to it`,
      );
    }
  }
  return found;
}

async function askUpstream(
  url: string,
  paths: readonly string[],
  roots: readonly string[],
  context: PushContext,
): Promise<Iterable<string>> {
  const destination: HttpDestination = { type: "http", url, host: new URL(url).hostname };
  const asked = { maxConnections: MAX_REQUESTS, timeoutMs: TIMEOUT_MS };
  const { random } = context.runtime;
  const { storeDirectory } = context.host;
  const known = await withBinaryCache(
    { destination, credentials: { env: new Map() } },
    context,
    asked,
    (cache, signal) => {
      const limiter = new Limiter(MAX_REQUESTS);
      // No cache has an id with a space in it.
      const presence = context.presences.of(`upstream ${url}`);
      const own = roots.filter((root) => paths.includes(root));
      return findKnownPaths({
        cache,
        paths,
        roots: own,
        presence,
        random,
        limiter,
        signal,
        storeDirectory,
      }).then((answers) => {
        presence.add([...answers].flatMap(([path, narinfo]) => (narinfo === undefined ? [] : [path])));
        return answers;
      });
    },
  );
  if (known === undefined) throw new Error("This process cannot ask the upstream");
  return known.keys();
}
