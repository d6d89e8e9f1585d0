import type { Decision } from "../policy/decision.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushResult } from "../registry/push-types.ts";
import type { DeliveryTask } from "./delivery-task.ts";
import type { Delivery } from "./push-journal.ts";

/** What is reported of a delivery that is not done: what its attempts say, else what policy does. */
export function explainTask(task: DeliveryTask, findRegistry: () => CacheRegistry): PushResult {
  const attempted = task.toResult();
  if (attempted !== undefined) return attempted;
  const { cacheId } = task.delivery;
  const decision = task.decision ?? decide(task.delivery, findRegistry);
  if (decision.effect === "deny") return { status: "denied", cacheId, decision };
  const nothing = { cacheId, decision, storePaths: [], executions: [], durationMs: 0 };
  const [error] = task.failures.values();
  return error === undefined ? { ...nothing, status: "aborted" } : { ...nothing, status: "failed", error };
}

/** What policy says of a delivery from before; a host that has no registry any more denies it. */
function decide({ cacheId, request }: Delivery, findRegistry: () => CacheRegistry): Decision {
  try {
    return findRegistry().authorize(cacheId, request);
  } catch {
    return denyUnknownCache(cacheId);
  }
}
