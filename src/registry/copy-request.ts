import { deepFreeze } from "../core/freeze.ts";
import { readRequest } from "../policy/request.ts";
import type { PushRequest } from "./push-types.ts";

/** A request as it was at the door, or what is left of one that no policy understands: it is denied everywhere. */
export type CopiedRequest =
  | { readonly success: true; readonly request: PushRequest }
  | { readonly success: false; readonly problem: string; readonly remains: PushRequest };

/**
 * Copies a request at the door, so that what is decided, recorded and pushed is the same, whatever the caller or a
 * listener does with its own. Cache ids and paths are there once each.
 */
export function copyRequest(asked: PushRequest): CopiedRequest {
  const { job, caches, storePaths, drvPath, commit } = asked;
  const pushId = isPushId(asked.pushId) ? asked.pushId : undefined;
  const lists = { caches: [...new Set(caches)], storePaths: [...new Set(storePaths)] };
  const copy = { job, ...lists, drvPath, commit, pushId };
  const read = readRequest(asked);
  if (read.problem === undefined) {
    const { repository, ref } = read;
    return { success: true, request: deepFreeze({ ...copy, repository, ref }) };
  }
  const repository = typeof asked.repository === "string" ? asked.repository : "";
  return { success: false, problem: read.problem, remains: deepFreeze({ ...copy, repository }) };
}

function isPushId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9-]{1,128}$/u.test(value);
}
