import type { PushResult } from "./push-types.ts";

/** Whether nothing is left to do for a request at a cache. */
export function isDelivered({ status }: PushResult): boolean {
  return status === "pushed" || status === "upstream" || status === "skipped";
}

/** Whether a result makes no report one of failure. */
export function isGoodEnough(result: PushResult): boolean {
  const isTolerated = result.status === "failed" && result.isTolerated === true;
  return (isDelivered(result) || isTolerated) && result.auditError === undefined;
}
