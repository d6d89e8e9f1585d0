import type { PushResult } from "../../registry/push-types.ts";
import type { ReadPushRequest } from "../../registry/read-push-request.ts";
import type { LedgerEntry } from "./push-ledger.ts";

type End = Pick<LedgerEntry, "outcome" | "reason" | "signedBy">;

/** What a ledger records of a request at one cache; of paths that were neither brought there nor given up, nothing. */
export function toLedgerEntries(
  { repository, ref, commit, job, storePaths, pushId = "" }: ReadPushRequest,
  result: PushResult,
  time: string,
): readonly LedgerEntry[] {
  const { cacheId } = result;
  const findEnd = createFindEnd(result);
  return storePaths.flatMap((storePath) => {
    const end = findEnd(storePath);
    return end === undefined
      ? []
      : [{ time, storePath, cacheId, ...end, pushId, repository, ref, commit, job }];
  });
}

function createFindEnd(result: PushResult): (path: string) => End | undefined {
  if (result.status === "denied") {
    const { reason } = result.decision;
    return () => ({ outcome: "denied", reason });
  }
  const { signedBy } = result;
  const skipped = new Map(result.skippedPaths.map(({ path, reason }) => [path, reason]));
  const upstream = new Set(result.upstreamPaths);
  const confirmed = new Set(result.confirmedPaths);
  const failure = result.status === "failed" ? result.error.code : undefined;
  return (path) => {
    const reason = skipped.get(path);
    if (reason !== undefined) return { outcome: "skipped", reason };
    if (confirmed.has(path))
      return upstream.has(path) ? { outcome: "upstream" } : { outcome: "pushed", signedBy };
    return failure === undefined ? undefined : { outcome: "failed", reason: failure };
  };
}
