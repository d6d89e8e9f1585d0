import { isRecord, type Members } from "../../core/own-member.ts";
import { findPinProblem } from "../../core/pin-name.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/** Rules of `after_push` that a schema cannot express. */
export function checkAfterPush(table: Members, parent: KeyPath): readonly Problem[] {
  const after = table["after_push"];
  if (!isRecord(after)) return [];
  const problems: Problem[] = [];
  const refuse = (key: string, message: string, hint: string): void => {
    const path = [...parent, "after_push", key];
    problems.push({ code: "invalid-value", severity: "error", message, path, hint });
  };
  const { pin, keep_revisions: revisions, keep_days: days } = after;
  const problem = typeof pin === "string" ? findPinProblem(pin) : undefined;
  if (problem !== undefined)
    refuse("pin", `This is not a valid name of a pin: ${problem}`, 'As in pin = "{repository}:{ref}:{name}"');
  if (revisions !== undefined && days !== undefined)
    refuse("keep_days", "Old revisions are kept by number or by days, not by both", "Remove one of the two");
  return problems;
}
