import type {
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  DeliveryState,
  LeasedDelivery,
  Outcome,
} from "../push-journal.ts";
import type { Row } from "./sqlite-module.ts";

/** What a row says of a delivery. */
export function toDelivery({
  id,
  ticket_id,
  cache_id,
  store_id,
  repository,
  request,
  context,
}: Row): Delivery {
  return {
    id: String(id),
    ticketId: String(ticket_id),
    cacheId: String(cache_id),
    storeId: String(store_id),
    repository: String(repository),
    request: String(request),
    ...(typeof context === "string" ? { context } : {}),
  };
}

/** A row that was taken: its attempt counts already. */
export function toLeased(row: Row, now: number): LeasedDelivery {
  return {
    ...toDelivery(row),
    ageMs: Math.max(0, now - Number(row["accepted_at"])),
    attempts: Number(row["attempts"]) + 1,
    crashes: Number(row["crashes"]),
    progress: toText(row["progress"]),
  };
}

/** A row that was settled. */
export function toOutcome(row: Row): Outcome {
  const { id, ticketId, cacheId, request } = toDelivery(row);
  const { result, code, message } = row;
  return {
    ...{ position: Number(row["number"]), id, ticketId, cacheId, request },
    ...{ result: toText(result), code: toText(code), message: toText(message) },
  };
}

/** A row that was buried. */
export function toBuried(row: Row): BuriedDelivery {
  const { buried_at, code, message, progress } = row;
  return {
    ...toDelivery(row),
    position: Number(row["number"]),
    buriedAt: Number(buried_at),
    code: String(code),
    message: String(message),
    progress: toText(progress),
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

function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
