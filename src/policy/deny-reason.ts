import { didYouMean } from "../core/suggestion.ts";
import type { DenyReason } from "./decision.ts";
import { PermissionError } from "./permission-error.ts";

// A record, so that a reason that is added cannot be forgotten here.
const REASONS: Readonly<Record<DenyReason, true>> = {
  "unknown-cache": true,
  "repository-not-allowed": true,
  "branch-not-allowed": true,
  "branch-required": true,
  "not-a-branch": true,
  "fork-not-allowed": true,
  "no-repositories-allowed": true,
  "invalid-request": true,
};

/**
 * Reads the reason of a denial from text, as a host's alert rules or filters name it.
 *
 * @param text - a {@link DenyReason}
 * @throws {@link PermissionError} `ERR_REASON_INVALID` for any other text; where one is near, the message suggests it
 *
 * @example
 * ```ts
 * const quiet = ["fork-not-allowed", "branch-not-allowed"].map(parseDenyReason);
 * registry.subscribe((event) => {
 *   const isDenied = event.type === "permission.decided" && event.decision.effect === "deny";
 *   if (isDenied && !quiet.includes(event.decision.reason)) alertOperators(formatAuditEvent(event));
 * });
 * ```
 *
 * @public
 */
export function parseDenyReason(text: string): DenyReason {
  if (isDenyReason(text)) return text;
  const reasons = Object.keys(REASONS);
  const hint = didYouMean(text, reasons) ?? `Reasons are ${reasons.join(", ")}.`;
  throw new PermissionError("ERR_REASON_INVALID", `This is no reason of a denial. ${hint}`);
}

function isDenyReason(text: string): text is DenyReason {
  return Object.hasOwn(REASONS, text);
}
