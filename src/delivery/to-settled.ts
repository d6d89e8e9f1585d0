import type { CacheRegistry } from "../registry/cache-registry.ts";
import { DeliveryTask } from "./delivery-task.ts";
import type { Outcome } from "./push-journal.ts";
import type { SettledDelivery } from "./queue-types.ts";
import { resultOfTask } from "./result-of-task.ts";
import { readStoredError } from "./stored-error.ts";
import { readStoredRequest, toUnreadableRequest } from "./stored-request.ts";
import { readStoredResult } from "./stored-result.ts";

/** The message for an unreadable stored outcome. */
const UNREADABLE = {
  code: "ERR_REQUEST_UNREADABLE",
  message: "The journal has an outcome that cannot be read; check the cache",
};

/** Reads an outcome from a journal. Without a result, its code and message are used. */
export function toSettled(outcome: Outcome, findRegistry: () => CacheRegistry): SettledDelivery {
  const { id: deliveryId, ticketId, code, message } = outcome;
  const request = readStoredRequest(outcome.request, outcome);
  const stored = outcome.result === undefined ? undefined : readStoredResult(outcome.result);
  if (stored !== undefined) return { deliveryId, ticketId, request, result: stored };
  const { id, cacheId } = outcome;
  const told = request ?? toUnreadableRequest(outcome);
  const task = new DeliveryTask({ id, ticketId, cacheId, request: told, deadline: 0 });
  const error = readStoredError(code === undefined ? UNREADABLE : { code, message });
  for (const path of told.storePaths) task.fail(path, error);
  return { deliveryId, ticketId, request, result: resultOfTask(task, findRegistry) };
}
