import { deepFreeze } from "../freeze.ts";
import { readRequest } from "../policy/request.ts";
import type { PushRequest } from "./push-types.ts";

/**
 * Copies a request at the door, so that what is decided, recorded and pushed is the same, whatever the caller or a
 * listener does with its own. Cache ids and paths are there once each; a repository or ref that no policy understands stays
 * what it is, and is denied.
 */
export function copyRequest(request: PushRequest): PushRequest {
  const { job, caches, storePaths, drvPath, commit } = request;
  const read = readRequest(request);
  const { repository, ref } = read.success ? read.request : request;
  const copy = { job, caches: [...new Set(caches)], storePaths: [...new Set(storePaths)], drvPath, commit };
  return deepFreeze({ ...copy, repository, ref: structuredClone(ref) });
}
