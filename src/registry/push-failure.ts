import { PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { type AnyCachesError, isCachesError } from "./any-error.ts";

/** Brings whatever a port threw into the errors of this package; a stranger's message may hold anything. */
export function toPushFailure(error: unknown): AnyCachesError {
  if (isCachesError(error)) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new PushError("ERR_PUSH_FAILED", `The push failed with an unexpected ${quoteName(name, 64)}`);
}

/** What became of a push that the host ended. */
export function toAborted(): PushError {
  return new PushError("ERR_PUSH_ABORTED", "The push was aborted");
}

/** What it means that an event was not recorded, whatever was thrown. */
export function toAuditFailure(error: unknown): PushError {
  return error instanceof PushError ? error : new PushError("ERR_AUDIT_FAILED", "An event was not recorded");
}
