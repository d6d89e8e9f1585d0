import { isGoodEnough } from "../registry/is-delivered.ts";
import type { PushReport, PushResult } from "../registry/push-types.ts";
import type { PushTicket } from "./queue-types.ts";

interface OpenTicket {
  readonly ticket: PushTicket;
  /** The request, as it is journalled. */
  readonly text: string;
  readonly cacheIds: readonly string[];
  readonly results: Map<string, PushResult>;
  readonly resolve: (report: PushReport) => void;
}

/** The tickets whose reports are not complete. */
export class TicketBook {
  readonly #open = new Map<string, OpenTicket>();

  /** Opens a ticket for some caches, of which some are already settled. */
  open(id: string, text: string, cacheIds: readonly string[], settled: readonly PushResult[]): PushTicket {
    const results = new Map(settled.map((result) => [result.cacheId, result]));
    const { promise: done, resolve } = withResolver<PushReport>();
    const open = cacheIds.filter((cacheId) => !results.has(cacheId));
    const ticket = { id, deliveryIds: open.map((cacheId) => `${id}/${cacheId}`), done };
    this.#open.set(id, { ticket, text, cacheIds, results, resolve });
    this.#closeIfComplete(id);
    return ticket;
  }

  /** An open ticket and its request. */
  find(id: string): { readonly ticket: PushTicket; readonly text: string } | undefined {
    return this.#open.get(id);
  }

  /** Records the result of one cache. Tickets of earlier processes are not known here. */
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
    const ok = results.every(isGoodEnough);
    ticket.resolve({ pushId: id, ok, results });
  }
}

function withResolver<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
