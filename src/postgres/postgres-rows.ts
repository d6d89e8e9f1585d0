import { toDelivery, toText } from "../delivery/journal-rows.ts";
import type { CacheStats, DeliveryRecord, DeliveryState, LeasedDelivery } from "../delivery/push-journal.ts";
import type { Row } from "./postgres-connection.ts";

const STATES: readonly DeliveryState[] = ["waiting", "held", "settled", "dead"];

/** Taken rows, sorted by when they were ready, because an update returns rows in any order. */
export function toLeased(rows: readonly Row[]): readonly LeasedDelivery[] {
  const order = (one: Row, other: Row, column: string): number => Number(one[column]) - Number(other[column]);
  return [...rows]
    .sort((one, other) => order(one, other, "ready_at") || order(one, other, "number"))
    .map((row) => ({
      ...toDelivery(row),
      ageMs: toLength(row["age_ms"]),
      attempts: Number(row["attempts"]),
      crashes: Number(row["crashes"]),
      progress: toText(row["progress"]),
    }));
}

/** A row in any state. */
export function toRecord(row: Row): DeliveryRecord {
  const state = STATES.find((known) => known === row["state"]) ?? "waiting";
  return {
    ...toDelivery(row),
    position: Number(row["number"]),
    state,
    ageMs: toLength(row["age_ms"]),
    attempts: Number(row["attempts"]),
    crashes: Number(row["crashes"]),
    readyInMs: state === "waiting" ? toLength(row["ready_in_ms"]) : 0,
    code: toText(row["code"]),
    message: toText(row["message"]),
  };
}

/** The counts of one cache. PostgreSQL returns them as texts, because they may exceed exact numbers. */
export function toStats({ cache_id, waiting, held, dead, attempts, oldest_ms }: Row): CacheStats {
  return {
    cacheId: String(cache_id),
    waiting: Number(waiting),
    held: Number(held),
    dead: Number(dead),
    attempts: Number(attempts),
    oldestMs: toLength(oldest_ms),
  };
}

/** A duration, at least 0, because the server's clock may have been set back. */
function toLength(value: unknown): number {
  return Math.max(0, Number(value));
}
