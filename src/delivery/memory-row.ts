import { CANCELLED } from "./push-id-conflict.ts";
import type { Delivery, DeliveryRecord, DeliveryState, Outcome } from "./push-journal.ts";

/** A delivery in the memory journal. */
export interface Journaled {
  readonly delivery: Delivery;
  /** Its place in the order of acceptance. */
  readonly number: number;
  state: DeliveryState;
  acceptedAt: number;
  readyAt: number;
  attempts: number;
  crashes: number;
  progress?: string | undefined;
  settledAt: number;
  /** The outcome, while it is kept. */
  result?: string | undefined;
  letter?: { readonly buriedAt: number; readonly code: string; readonly message: string } | undefined;
  isCancelled?: boolean;
}

/** The size of a row, in UTF-16 units. */
export function unitsOf({ delivery, result = "" }: Journaled): number {
  return delivery.request.length + result.length;
}

/** The order of acceptance. */
export function byNumber(one: Journaled, other: Journaled): number {
  return one.number - other.number;
}

/** The outcome of a settled row. */
export function toOutcome(row: Journaled): Outcome {
  const { number: position, delivery, result } = row;
  const { id, ticketId, cacheId, request } = delivery;
  return { position, id, ticketId, cacheId, request, result, ...endOf(row) };
}

/** The error that ended a delivery. */
function endOf({ letter, isCancelled }: Journaled): { readonly code?: string; readonly message?: string } {
  if (isCancelled === true) return CANCELLED;
  return letter === undefined ? {} : { code: letter.code, message: letter.message };
}

/** The entry of a row in any state. */
export function toRecord(row: Journaled, now: number): DeliveryRecord {
  const { number: position, delivery, state, acceptedAt, readyAt, attempts, crashes } = row;
  const readyInMs = state === "waiting" ? Math.max(0, readyAt - now) : 0;
  return {
    position,
    ...delivery,
    state,
    ageMs: now - acceptedAt,
    attempts,
    crashes,
    readyInMs,
    ...endOf(row),
  };
}
