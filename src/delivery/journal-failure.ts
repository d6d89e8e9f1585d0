import { PushError } from "../core/errors.ts";
import { isCachesError } from "../registry/any-error.ts";

/** Describes what a journal failed to do. The message of another library may hold a secret. */
export function describeJournalFailure(error: unknown): string {
  const reason = isCachesError(error) ? error.message : "it failed with an unexpected error";
  return `The journal failed: ${reason}`;
}

/** Whether a journal is damaged, so that waiting does not help. */
export function isCorrupt(error: unknown): error is PushError {
  return error instanceof PushError && error.code === "ERR_JOURNAL_CORRUPT";
}

function isPushIdConflict(error: unknown): error is PushError {
  return error instanceof PushError && error.code === "ERR_PUSH_ID_CONFLICT";
}

/** Why a request was not accepted. */
export function toAcceptFailure(error: unknown): PushError {
  if (isCorrupt(error) || isPushIdConflict(error)) return error;
  const hint = "the request may not have been stored; check that its disk has room, then enqueue it again";
  return new PushError("ERR_JOURNAL_FAILED", `${describeJournalFailure(error)}; ${hint}`);
}
