import type { AllowDecision } from "../policy/decision.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushRequest } from "../registry/push-types.ts";

/** The caches of a request that allow it. */
export function findAllowed(
  request: PushRequest,
  registry: CacheRegistry,
): ReadonlyMap<string, AllowDecision> {
  const decisions = request.caches.map((cacheId) => registry.authorize(cacheId, request));
  return new Map(
    decisions.flatMap((decision) => (decision.effect === "allow" ? [[decision.cacheId, decision]] : [])),
  );
}
