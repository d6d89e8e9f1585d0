import { withDeadline } from "../host/deadline.ts";
import type { PushContext } from "./push-context.ts";

/** How long the host may take to say what it knows, in milliseconds: asking the cache takes no longer. */
const TIMEOUT_MS = 5_000;

/** The paths among those wanted that the host knows to be in a cache. It never rejects: who does not answer knows nothing. */
export async function findKnownPaths(
  cacheId: string,
  wanted: readonly string[],
  { findConfirmed, runtime, deadline }: PushContext,
): Promise<ReadonlySet<string>> {
  if (findConfirmed === undefined) return new Set();
  const timeoutMs = Math.max(0, Math.min(deadline.remainingMs, TIMEOUT_MS));
  try {
    const told = await withDeadline(async () => [...(await findConfirmed(cacheId, wanted))], {
      clock: runtime.clock,
      timeoutMs,
      signal: deadline.signal,
      onTimeout: () => new Error("findConfirmed did not answer"),
    });
    const known = new Set(told);
    return new Set(wanted.filter((path) => known.has(path)));
  } catch {
    runtime.warn(`The findConfirmed callback failed; ${cacheId} is asked for every path`);
    return new Set();
  }
}
