import type { CacheDefinition } from "../core/cache.ts";
import { withDeadline } from "../host/deadline.ts";
import { toCacheFingerprint } from "./cache-fingerprint.ts";
import type { PushContext } from "./push-context.ts";

/** How long the host may take to answer, in milliseconds; asking the cache takes no longer. */
const TIMEOUT_MS = 5_000;

/**
 * The wanted paths that the host knows to be in a cache. It never rejects; no answer means that nothing is
 * known.
 */
export async function findKnownPaths(
  cache: CacheDefinition,
  wanted: readonly string[],
  { findConfirmed, runtime, deadline }: PushContext,
): Promise<ReadonlySet<string>> {
  // Setting a pin needs a run.
  if (findConfirmed === undefined || cache.afterPush !== undefined) return new Set();
  const timeoutMs = Math.max(0, Math.min(deadline.remainingMs, TIMEOUT_MS));
  try {
    const told = await withDeadline(
      async () => [...(await findConfirmed(cache.id, wanted, toCacheFingerprint(cache)))],
      {
        clock: runtime.clock,
        timeoutMs,
        signal: deadline.signal,
        onTimeout: () => new Error("findConfirmed did not answer"),
      },
    );
    const known = new Set(told);
    return new Set(wanted.filter((path) => known.has(path)));
  } catch {
    runtime.warn(`The findConfirmed callback failed; ${cache.id} is asked for every path`);
    return new Set();
  }
}
