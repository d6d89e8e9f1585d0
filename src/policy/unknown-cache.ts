import { quoteName } from "../core/text.ts";
import type { DenyDecision } from "./decision.ts";

/** The message for a cache id that does not exist. */
export function describeUnknownCache(cacheId: string): string {
  return `Cache ID '${quoteName(cacheId)}' not found in server registry`;
}

/** Denies a push to a cache that does not exist. */
export function denyUnknownCache(cacheId: string): DenyDecision {
  return { effect: "deny", cacheId, reason: "unknown-cache", message: describeUnknownCache(cacheId) };
}
