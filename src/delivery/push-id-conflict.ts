import { PushError } from "../core/errors.ts";

/** The message for a cancelled delivery. */
export const CANCELLED = {
  code: "ERR_DELIVERY_CANCELLED",
  message: "The delivery was cancelled before it was pushed",
} as const;

/** Two different requests have the same id. */
export function toPushIdConflict(): PushError {
  const hint = "give each request a pushId of its own, and the same one only to repeat it as it was";
  return new PushError(
    "ERR_PUSH_ID_CONFLICT",
    `Another request was accepted under the same pushId, so this one was not; ${hint}`,
  );
}
