import { quoteName } from "../core/text.ts";
import type { DenyDecision } from "./decision.ts";

/** Says that no cache has an id. */
export function describeUnknownCache(cacheId: string): string {
  return `Cache ID '${quoteName(cacheId)}' not found in server registry`;
}

/** Denies a cache that there is not. */
export function denyUnknownCache(cacheId: string): DenyDecision {
  return { effect: "deny", cacheId, reason: "unknown-cache", message: describeUnknownCache(cacheId) };
}
