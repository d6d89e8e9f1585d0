import type { PushResult } from "../../registry/push-types.ts";
import type { ReadPushRequest } from "../../registry/read-push-request.ts";
import type { LedgerEntry } from "./push-ledger.ts";

type End = Pick<LedgerEntry, "outcome" | "reason" | "signedBy" | "fingerprint">;

/** How many paths of a denied request are recorded, so that denied requests do not fill the ledger. */
const MAX_DENIED = 1_000;

/**
 * What a ledger records about a request at one cache. It records neither paths that are not finished, nor
 * paths that were already known to be there: otherwise the ledger would confirm itself.
 */
export function toLedgerEntries(
  { repository, ref, commit, job, storePaths, delivery, pushId = "" }: ReadPushRequest,
  result: PushResult,
  time: string,
): readonly LedgerEntry[] {
  const { cacheId } = result;
  // The time at which an earlier attempt confirmed a path is not known.
  const findEnd = createFindEnd(result, (delivery?.attempt ?? 1) === 1);
  const recorded = result.status === "denied" ? storePaths.slice(0, MAX_DENIED) : storePaths;
  return recorded.flatMap((storePath) => {
    const end = findEnd(storePath);
    return end === undefined
      ? []
      : [{ time, storePath, cacheId, ...end, pushId, repository, ref, commit, job }];
  });
}

function createFindEnd(result: PushResult, isFresh: boolean): (path: string) => End | undefined {
  if (result.status === "denied") {
    const { reason } = result.decision;
    return () => ({ outcome: "denied", reason });
  }
  const { signedBy } = result;
  const fingerprint = isFresh ? result.fingerprint : undefined;
  const known = new Set(result.knownPaths);
  const skipped = new Map(result.skippedPaths.map(({ path, reason }) => [path, reason]));
  const upstream = new Set(result.upstreamPaths);
  const confirmed = new Set(result.confirmedPaths);
  const failure = result.status === "failed" ? result.error.code : undefined;
  return (path) => {
    const reason = skipped.get(path);
    if (reason !== undefined) return { outcome: "skipped", reason };
    if (known.has(path)) return undefined;
    if (confirmed.has(path) && upstream.has(path)) return { outcome: "upstream" };
    if (confirmed.has(path)) return { outcome: "pushed", signedBy, fingerprint };
    return failure === undefined ? undefined : { outcome: "failed", reason: failure };
  };
}
