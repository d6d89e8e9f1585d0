import { PushError } from "../core/errors.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { readPushRequest } from "../registry/read-push-request.ts";
import { DeliveryTask } from "./delivery-task.ts";
import { CRASHED } from "./memory-table.ts";
import type { Outcome } from "./push-journal.ts";
import type { SettledDelivery } from "./queue-types.ts";
import { resultOfTask } from "./result-of-task.ts";
import { readStoredRequest } from "./stored-request.ts";
import { readStoredResult } from "./stored-result.ts";

/** Reads an outcome that a journal has kept. One that no host has written is of a delivery that every host crashed with. */
export function toSettled(outcome: Outcome, findRegistry: () => CacheRegistry): SettledDelivery {
  const { id, ticketId, cacheId } = outcome;
  const request = readStoredRequest(outcome.request, { cacheId, ticketId });
  const stored = readStoredResult(outcome.result);
  if (stored !== undefined) return { deliveryId: id, ticketId, request, result: stored };
  const unreadable = readPushRequest({ job: "", storePaths: [] }, [cacheId]);
  const start = { id, ticketId, cacheId, request: request ?? unreadable, deadline: 0 };
  const task = new DeliveryTask(start);
  const error = new PushError(CRASHED.code, CRASHED.message);
  for (const path of start.request.storePaths) task.fail(path, error);
  return { deliveryId: id, ticketId, request, result: resultOfTask(task, findRegistry) };
}
