import { quoteName } from "../core/text.ts";
import type { DenyDecision } from "./decision.ts";

/** Denies a promotion from a cache that the target does not name. */
export function denyPromotion(cacheId: string, from: string): DenyDecision {
  const message = `The cache does not accept paths from '${quoteName(from)}'; add that cache to its promote_from`;
  return { effect: "deny", cacheId, reason: "promotion-not-allowed", message };
}
