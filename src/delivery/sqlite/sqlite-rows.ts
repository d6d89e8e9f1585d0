import { toDelivery, toText } from "../journal-rows.ts";
import type { CacheStats, DeliveryRecord, DeliveryState, LeasedDelivery } from "../push-journal.ts";
import type { Row } from "./sqlite-module.ts";

/** A row that was taken; its attempt already counts. */
export function toLeased(row: Row, now: number): LeasedDelivery {
  return {
    ...toDelivery(row),
    ageMs: Math.max(0, now - Number(row["accepted_at"])),
    attempts: Number(row["attempts"]) + 1,
    crashes: Number(row["crashes"]),
    progress: toText(row["progress"]),
  };
}

/** A row in any state. */
export function toRecord(row: Row, now: number): DeliveryRecord {
  const state = stateOf(row);
  return {
    ...toDelivery(row),
    position: Number(row["number"]),
    state,
    ageMs: Math.max(0, now - Number(row["accepted_at"])),
    attempts: Number(row["attempts"]),
    crashes: Number(row["crashes"]),
    readyInMs: state === "waiting" ? Math.max(0, Number(row["ready_at"]) - now) : 0,
    code: toText(row["code"]),
    message: toText(row["message"]),
  };
}

function stateOf({ buried_at, settled_at, batch }: Row): DeliveryState {
  if (typeof buried_at === "number") return "dead";
  if (typeof settled_at === "number") return "settled";
  return typeof batch === "number" ? "held" : "waiting";
}

/** The counts of one cache. */
export function toStats({ cache_id, waiting, held, dead, oldest, attempts }: Row, now: number): CacheStats {
  return {
    cacheId: String(cache_id),
    waiting: Number(waiting),
    held: Number(held),
    dead: Number(dead),
    attempts: Number(attempts),
    oldestMs: typeof oldest === "number" ? Math.max(0, now - oldest) : 0,
  };
}
