import { PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { type AnyCachesError, isCachesError } from "./any-error.ts";

/** Brings whatever a port threw into the errors of this package; a stranger's message may hold anything. */
export function toPushFailure(error: unknown): AnyCachesError {
  if (isCachesError(error)) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new PushError("ERR_PUSH_FAILED", `The push failed with an unexpected ${quoteName(name, 64)}`);
}

/** What became of a push that ended before its end: its time was over, or the host had enough. */
export function toEnded(signal: AbortSignal): PushError {
  const { reason } = signal;
  const isTimeout = reason instanceof PushError && reason.code === "ERR_PUSH_TIMEOUT";
  return isTimeout ? reason : new PushError("ERR_PUSH_ABORTED", "The push was aborted");
}

/** What it means that the time of a push is over. */
export function toTimeout(timeoutMs: number): PushError {
  const seconds = Math.round(timeoutMs / 1000);
  return new PushError("ERR_PUSH_TIMEOUT", `Hook execution timed out after ${seconds} seconds`);
}

/** What it means that an event was not recorded, whatever was thrown. */
export function toAuditFailure(error: unknown): PushError {
  return error instanceof PushError ? error : new PushError("ERR_AUDIT_FAILED", "An event was not recorded");
}

/** A promotion that this process cannot send: nix has no part in it. */
export function toUnpromotable(reason: string): PushError {
  return new PushError("ERR_PUSH_FAILED", `Only this process promotes paths, and it cannot: ${reason}`);
}
