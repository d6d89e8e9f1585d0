import { isObject, readMember } from "../core/own-member.ts";
import type { SkippedPath } from "../registry/push-types.ts";

const REASONS: readonly SkippedPath["reason"][] = ["excluded", "too-large", "upstream"];

/** Reads skipped paths from a journal; an older version has none. */
export function readSkippedPaths(value: unknown): readonly SkippedPath[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).flatMap((stored) => {
    const path = readMember(stored, "path");
    const reason = REASONS.find((known) => known === readMember(stored, "reason"));
    return typeof path === "string" && reason !== undefined ? [{ path, reason }] : [];
  });
}
