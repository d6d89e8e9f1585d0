import { PushError } from "../core/errors.ts";
import { isCachesError } from "../registry/any-error.ts";

/** Says what a journal has failed to do; a stranger's message may hold anything. */
export function describeJournalFailure(error: unknown): string {
  const reason = isCachesError(error) ? error.message : "it failed with an unexpected error";
  return `The journal did not do as asked: ${reason}`;
}

/** Whether a journal cannot be relied on any more, however long one waits. */
export function isCorrupt(error: unknown): error is PushError {
  return error instanceof PushError && error.code === "ERR_JOURNAL_CORRUPT";
}

function isPushIdConflict(error: unknown): error is PushError {
  return error instanceof PushError && error.code === "ERR_PUSH_ID_CONFLICT";
}

/** Why a request was not accepted. */
export function toAcceptFailure(error: unknown): PushError {
  if (isCorrupt(error) || isPushIdConflict(error)) return error;
  const hint = "the request may not have been kept; see that its disk has room, then enqueue it again";
  return new PushError("ERR_JOURNAL_FAILED", `${describeJournalFailure(error)}; ${hint}`);
}
