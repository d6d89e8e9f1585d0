import { PushError } from "../core/errors.ts";

/** The message for a cancelled delivery. */
export const CANCELLED = {
  code: "ERR_DELIVERY_CANCELLED",
  message: "The delivery was cancelled before it was pushed",
} as const;

/** Two different requests have the same id. */
export function toPushIdConflict(): PushError {
  const hint = "give each request its own pushId, and reuse one only to repeat the same request";
  return new PushError(
    "ERR_PUSH_ID_CONFLICT",
    `Another request was accepted with the same pushId, so this one was not; ${hint}`,
  );
}
