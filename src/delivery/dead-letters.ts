import { readProgress } from "./delivery-progress.ts";
import type { BuriedDelivery, PageRequest, PushJournal } from "./push-journal.ts";
import type { DeadLetter } from "./queue-types.ts";
import { readStoredRequest } from "./stored-request.ts";

/** Reads dead letters of a journal. */
export async function listDeadLetters(
  journal: PushJournal,
  page: PageRequest,
): Promise<readonly DeadLetter[]> {
  return (await journal.deadLetters(page)).map(toDeadLetter);
}

function toDeadLetter(buried: BuriedDelivery): DeadLetter {
  const { position, id, ticketId, cacheId, buriedAt, code, message, progress } = buried;
  const request = readStoredRequest(buried.request, { cacheId, ticketId });
  const asked = request?.storePaths ?? [];
  const missing = progress === undefined ? undefined : readProgress(progress, asked);
  const storePaths = missing === undefined ? asked : [...missing.remaining, ...missing.failed];
  return { position, id, ticketId, cacheId, request, storePaths, buriedAt, code, message };
}
