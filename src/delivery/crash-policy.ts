/**
 * How many deliveries share a batch: fewer after crashes, so that one that kills its host is soon alone.
 */
export function batchLimit(limit: number, crashes: number): number {
  if (crashes === 0) return limit;
  return crashes === 1 ? Math.ceil(limit / 14) : 1;
}

/** The message for a delivery that crashed too often. */
export const CRASHED = {
  code: "ERR_DELIVERY_CRASHED",
  message: "Every host that took the delivery stopped in the middle; find out why, then replay it",
} as const;
