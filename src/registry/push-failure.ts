import { PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { type AnyCachesError, isCachesError } from "./any-error.ts";

/**
 * Converts whatever a port threw into an error of this package. The message of another library may hold a
 * secret.
 */
export function toPushFailure(error: unknown): AnyCachesError {
  if (isCachesError(error)) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new PushError("ERR_PUSH_FAILED", `The push failed with an unexpected ${quoteName(name, 64)}`);
}

/** The outcome of a push that was ended early: by its timeout, or by the host. */
export function toEnded(signal: AbortSignal): PushError {
  const { reason } = signal;
  const isTimeout = reason instanceof PushError && reason.code === "ERR_PUSH_TIMEOUT";
  return isTimeout ? reason : new PushError("ERR_PUSH_ABORTED", "The push was aborted");
}

/** The error of a push whose time is over. */
export function toTimeout(timeoutMs: number): PushError {
  const seconds = Math.round(timeoutMs / 1000);
  return new PushError("ERR_PUSH_TIMEOUT", `Hook execution timed out after ${seconds} seconds`);
}

/** The error of an event that was not recorded, whatever was thrown. */
export function toAuditFailure(error: unknown): PushError {
  return error instanceof PushError ? error : new PushError("ERR_AUDIT_FAILED", "An event was not recorded");
}

/** A promotion that this process cannot upload; Nix is not involved. */
export function toUnpromotable(reason: string): PushError {
  return new PushError("ERR_PUSH_FAILED", `This process must upload promoted paths, and cannot: ${reason}`);
}
