import type { StandardSchemaV1 } from "@standard-schema/spec";
import { quoteName } from "./text.ts";

export type { StandardSchemaV1 };

/**
 * Names the places of a schema's issues. The schema's own messages are not passed on, because they may quote
 * a value.
 */
export function listIssuePlaces(issues: readonly StandardSchemaV1.Issue[]): string {
  return issues.map(({ path }) => describePlace(path)).join(", ");
}

function describePlace(path: StandardSchemaV1.Issue["path"]): string {
  const keys = (path ?? []).map((item) => String(typeof item === "object" ? item.key : item)).join(".");
  return keys === "" ? "the table itself" : quoteName(keys, 64);
}
