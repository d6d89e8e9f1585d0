import { quoteName } from "../core/text.ts";
import type { DenyDecision } from "./decision.ts";

/** Denies a promotion from a cache that the target does not name. */
export function denyPromotion(cacheId: string, from: string): DenyDecision {
  const message = `The cache takes no paths from '${quoteName(from)}'; promote_from of the cache names those that it does`;
  return { effect: "deny", cacheId, reason: "promotion-not-allowed", message };
}
