import type { Decision } from "../policy/decision.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushResult } from "../registry/push-types.ts";
import type { DeliveryTask } from "./delivery-task.ts";

/** What is reported of a delivery: what its attempts say, else what policy does. */
export function resultOfTask(task: DeliveryTask, findRegistry: () => CacheRegistry): PushResult {
  const attempted = task.toResult();
  if (attempted !== undefined) return attempted;
  const { cacheId } = task;
  const decision = decide(task, findRegistry);
  return decision.effect === "deny"
    ? { status: "denied", cacheId, decision }
    : task.toAllowedResult(decision);
}

/** A host that has no registry any more denies. */
function decide({ cacheId, request }: DeliveryTask, findRegistry: () => CacheRegistry): Decision {
  try {
    return findRegistry().authorize(cacheId, request);
  } catch {
    return denyUnknownCache(cacheId);
  }
}
