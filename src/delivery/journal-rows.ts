import type { Members } from "../core/own-member.ts";
import type { BuriedDelivery, Delivery, Outcome } from "./push-journal.ts";

// What journals in tables share: columns of texts and numbers.

/** The delivery of a row. */
export function toDelivery({
  id,
  ticket_id,
  cache_id,
  store_id,
  repository,
  request,
  context,
}: Members): Delivery {
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

/** A row that was settled. */
export function toOutcome(row: Members): Outcome {
  const { id, ticketId, cacheId, request } = toDelivery(row);
  const { result, code, message } = row;
  return {
    ...{ position: Number(row["number"]), id, ticketId, cacheId, request },
    ...{ result: toText(result), code: toText(code), message: toText(message) },
  };
}

/** A row that was buried. */
export function toBuried(row: Members): BuriedDelivery {
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

/** A column that may be empty. */
export function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
