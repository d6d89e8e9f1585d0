import type { CacheDefinition } from "../core/cache.ts";
import type { AnyCachesError } from "./any-error.ts";
import type { PushResult } from "./push-types.ts";

/** Whether a request is complete at a cache. */
export function isDelivered({ status }: PushResult): boolean {
  return status === "pushed" || status === "upstream" || status === "skipped";
}

/**
 * Whether a cache tolerates a failure. A denial or a lost audit event is not a failure of the cache.
 */
export function isTolerated(error: AnyCachesError, cache: CacheDefinition | undefined): true | undefined {
  const isOfCache = error.code !== "ERR_AUDIT_FAILED" && error.code !== "ERR_PERMISSION_DENIED";
  return cache?.onFailure === "warn" && isOfCache ? true : undefined;
}

/** Whether a result leaves `ok` of the report true. */
export function isGoodEnough(result: PushResult): boolean {
  const isFine = isDelivered(result) || (result.status === "failed" && result.isTolerated === true);
  return isFine && result.auditError === undefined;
}
