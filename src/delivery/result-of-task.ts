import type { Decision } from "../policy/decision.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { isTolerated } from "../registry/is-delivered.ts";
import type { PushResult } from "../registry/push-types.ts";
import type { DeliveryTask } from "./delivery-task.ts";

/** The result of a delivery: of its attempts, or else of policy. */
export function resultOfTask(task: DeliveryTask, findRegistry: () => CacheRegistry): PushResult {
  const attempted = task.toResult();
  if (attempted !== undefined) return markTolerated(attempted, findRegistry);
  const { cacheId } = task;
  const decision = decide(task, findRegistry);
  return decision.effect === "deny"
    ? { status: "denied", cacheId, decision }
    : markTolerated(task.toAllowedResult(decision), findRegistry);
}

/** The current configuration decides whether a failure is tolerated. */
function markTolerated(result: PushResult, findRegistry: () => CacheRegistry): PushResult {
  if (result.status !== "failed") return result;
  try {
    const cache = findRegistry().config.caches.find(({ id }) => id === result.cacheId);
    return { ...result, isTolerated: isTolerated(result.error, cache) };
  } catch {
    return result;
  }
}

/** A host without a registry denies. */
function decide({ cacheId, request }: DeliveryTask, findRegistry: () => CacheRegistry): Decision {
  try {
    return findRegistry().authorize(cacheId, request);
  } catch {
    return denyUnknownCache(cacheId);
  }
}
