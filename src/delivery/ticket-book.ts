import { isDelivered } from "../registry/is-delivered.ts";
import type { PushReport, PushResult } from "../registry/push-types.ts";
import type { PushTicket } from "./queue-types.ts";

interface OpenTicket {
  readonly cacheIds: readonly string[];
  readonly results: Map<string, PushResult>;
  readonly resolve: (report: PushReport) => void;
}

/** The tickets whose reports are not complete. */
export class TicketBook {
  readonly #open = new Map<string, OpenTicket>();

  /** Opens a ticket for some caches, of which some are settled already. */
  open(id: string, cacheIds: readonly string[], settled: readonly PushResult[]): PushTicket {
    const results = new Map(settled.map((result) => [result.cacheId, result]));
    const done = new Promise<PushReport>((resolve) => {
      this.#open.set(id, { cacheIds, results, resolve });
    });
    this.#closeIfComplete(id);
    return { id, done };
  }

  /** Takes the result of one cache. A ticket of an earlier process is not known here. */
  settle(id: string, result: PushResult): void {
    this.#open.get(id)?.results.set(result.cacheId, result);
    this.#closeIfComplete(id);
  }

  /** Forgets a ticket whose request was not accepted. */
  forget(id: string): void {
    this.#open.delete(id);
  }

  #closeIfComplete(id: string): void {
    const ticket = this.#open.get(id);
    if (ticket === undefined) return;
    const results = ticket.cacheIds.flatMap((cacheId) => ticket.results.get(cacheId) ?? []);
    if (results.length < ticket.cacheIds.length) return;
    this.#open.delete(id);
    const ok = results.every((result) => isDelivered(result) && result.auditError === undefined);
    ticket.resolve({ pushId: id, ok, results });
  }
}
