import type { PushRequest } from "../registry/push-types.ts";

/**
 * Copies a request whole, so that what is read twice is the same twice, whatever getters it has. One that cannot be copied is read as
 * one that no policy understands.
 */
export function readOnce(asked: PushRequest): PushRequest {
  try {
    return structuredClone(asked);
  } catch {
    const { job, caches, storePaths } = asked;
    return { repository: "", job, caches: [...caches], storePaths: [...storePaths] };
  }
}
