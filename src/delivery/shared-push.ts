import type { Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushOptions, PushResult } from "../registry/push-types.ts";
import type { ReadPushRequest } from "../registry/read-push-request.ts";

/** Pushes requests together: a result for each, in their order; none if nothing was tried. */
export type SharedPush = (
  cacheId: string,
  requests: readonly ReadPushRequest[],
  signal: AbortSignal,
) => Promise<readonly PushResult[]>;

/** The access of a queue to the current registry. */
export function toSharedPush(
  options: PushOptions,
  findRegistry: () => CacheRegistry,
  { warn }: Pick<Runtime, "warn">,
): SharedPush {
  const { timeoutMs, stallTimeoutMs, onOutput, onProgress, findConfirmed } = options;
  return async (cacheId, requests, signal) => {
    try {
      const bounds = { timeoutMs, stallTimeoutMs, onOutput, onProgress, findConfirmed, signal };
      return await findRegistry().pushTogether(cacheId, requests, bounds);
    } catch {
      // The registry was closed while the queue uses it; the host may provide another.
      warn("A batch was not tried, because the registry is closed or missing");
      return [];
    }
  };
}
