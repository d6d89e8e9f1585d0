import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushRequest, PushResult, QueuedPromotion } from "../registry/push-types.ts";
import { type ReadPushRequest, readQueuedRequest } from "../registry/read-push-request.ts";
import { DeliveryTask } from "./delivery-task.ts";
import { type EventSource, toEventBase } from "./event-source.ts";
import { toAcceptFailure } from "./journal-failure.ts";
import type { LedgerWriter } from "./ledger/ledger-writer.ts";
import type { OpenDeliveries } from "./open-deliveries.ts";
import { toPushIdConflict } from "./push-id-conflict.ts";
import type { Delivery, PushJournal } from "./push-journal.ts";
import type { PushTicket } from "./queue-types.ts";
import type { RootHolder } from "./root-holder.ts";
import { writeContext } from "./stored-context.ts";
import { writeRequest } from "./stored-request.ts";
import type { TicketBook } from "./ticket-book.ts";
import { trackPromise } from "./track-promise.ts";

/** What an acceptor needs. */
export interface RequestAcceptorOptions {
  readonly journal: PushJournal;
  /** The Nix store that has the paths. */
  readonly storeId: string;
  readonly deliveries: OpenDeliveries;
  readonly tickets: TicketBook;
  readonly roots: RootHolder;
  readonly events: EventSource;
  readonly ledger: LedgerWriter;
  readonly createId: () => string;
  readonly findRegistry: () => CacheRegistry;
  /** Aborts requests that are being accepted when the queue closes. */
  readonly closing: AbortSignal;
  /** Throws if the queue no longer accepts requests. */
  readonly assertOpen: () => void;
  /**
   * Called after a request was accepted, with the ids that were accepted before; their outcomes may exist.
   */
  readonly onAccepted: (known: readonly string[]) => void;
}

/** What is being accepted. */
interface Acceptance {
  readonly text: string;
  readonly ticket: Promise<PushTicket>;
}

/** A request, the caches that allow it, and its results at the others. */
interface AllowedRequest {
  readonly pushId: string;
  /** Whether the caller gave the `pushId`. */
  readonly isNamed: boolean;
  readonly request: ReadPushRequest;
  readonly text: string;
  readonly queued: readonly string[];
  readonly settled: readonly PushResult[];
}

/** Takes requests into the journal, each `pushId` once. */
export class RequestAcceptor {
  readonly #options: RequestAcceptorOptions;
  readonly #accepting = new Map<string, Acceptance>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: RequestAcceptorOptions) {
    this.#options = options;
  }

  /** Accepts a request, or returns the ticket of the same request. */
  async accept(asked: PushRequest | QueuedPromotion): Promise<PushTicket> {
    const read = readQueuedRequest(asked);
    const pushId = read.pushId ?? this.#options.createId();
    const request = read.with({ pushId });
    const text = writeRequest(request);
    const known = this.#accepting.get(pushId) ?? this.#options.tickets.find(pushId);
    if (known !== undefined) {
      if (known.text !== text) throw toPushIdConflict();
      return known.ticket;
    }
    const ticket = this.#accept({ pushId, isNamed: read.pushId !== undefined, request, text });
    this.#accepting.set(pushId, { text, ticket });
    try {
      return await ticket;
    } finally {
      this.#accepting.delete(pushId);
    }
  }

  /** Settles when nothing is being accepted. Requests that wait for room do not count. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #accept(asked: Pick<AllowedRequest, "pushId" | "isNamed" | "request" | "text">): Promise<PushTicket> {
    const { pushId, request, text } = asked;
    const { findRegistry, tickets, deliveries } = this.#options;
    const registry = findRegistry();
    const isAllowed = (cacheId: string): boolean => registry.authorize(cacheId, request).effect === "allow";
    const queued = request.storePaths.length === 0 ? [] : request.caches.filter(isAllowed);
    const others = request.with({ caches: request.caches.filter((cacheId) => !queued.includes(cacheId)) });
    const settled = await trackPromise(this.#running, this.#settleNow(others, registry));
    if (queued.length === 0) return tickets.open(pushId, text, request.caches, settled);
    await deliveries.reserve(queued.length);
    try {
      // The queue may have been closed while it waited for room.
      this.#options.assertOpen();
    } catch (error) {
      deliveries.giveBack(queued.length);
      throw error;
    }
    return trackPromise(this.#running, this.#journalise({ ...asked, queued, settled }));
  }

  /**
   * Denied caches, and requests that cannot be pushed. They are decided once more and recorded, and nothing
   * is run.
   */
  async #settleNow(request: ReadPushRequest, registry: CacheRegistry): Promise<readonly PushResult[]> {
    if (request.caches.length === 0) return [];
    const { results } = await registry.push(request, { signal: this.#options.closing });
    await this.#options.ledger.record(results.map((result) => ({ request, result })));
    return results;
  }

  async #journalise(accepted: AllowedRequest): Promise<PushTicket> {
    const { assertOpen, roots, tickets, events, onAccepted } = this.#options;
    const { pushId, request, text, settled } = accepted;
    const deliveries = this.#toDeliveries(accepted);
    const known = await this.#findKnown(deliveries, accepted);
    const tasks = deliveries.map(({ id, ticketId, cacheId }) => {
      return new DeliveryTask({ id, ticketId, cacheId, request, deadline: Number.POSITIVE_INFINITY });
    });
    const unknown = tasks.filter(({ id }) => !known.has(id));
    for (const task of tasks) this.#options.deliveries.accept(task);
    const ticket = tickets.open(pushId, text, request.caches, settled);
    try {
      assertOpen();
      // What was accepted before already has its roots.
      await roots.hold(unknown);
      const fresh = new Set(await this.#ask((journal) => journal.accept(deliveries)));
      for (const delivery of deliveries)
        if (fresh.has(delivery.id)) events.emit({ ...toEventBase(delivery), type: "delivery.accepted" });
      for (const task of tasks) this.#options.deliveries.journalled(task, fresh.has(task.id));
      onAccepted(deliveries.flatMap(({ id }) => (fresh.has(id) ? [] : [id])));
      return ticket;
    } catch (error) {
      await this.#releaseRoots(unknown, accepted);
      for (const { id } of deliveries) this.#options.deliveries.withdraw(id);
      tickets.forget(pushId);
      throw error;
    }
  }

  #toDeliveries({ pushId: ticketId, request, text, queued }: AllowedRequest): readonly Delivery[] {
    const { storeId } = this.#options;
    const context = writeContext(request);
    return queued.map((cacheId) => ({
      ...{ id: `${ticketId}/${cacheId}`, ticketId, cacheId, storeId, repository: request.repository },
      ...{ request: text, context },
    }));
  }

  /** Those that were accepted before; only a caller's own `pushId` can already exist. */
  async #findKnown(
    deliveries: readonly Delivery[],
    { text, isNamed, queued }: AllowedRequest,
  ): Promise<ReadonlySet<string>> {
    if (!isNamed) return new Set();
    try {
      const known = await this.#ask((journal) => journal.find(deliveries.map(({ id }) => id)));
      if (known.some(({ request }) => request !== text)) throw toPushIdConflict();
      return new Set(known.map(({ id }) => id));
    } catch (error) {
      this.#options.deliveries.giveBack(queued.length);
      throw error;
    }
  }

  /** Another queue may have accepted the same id meanwhile. Then these are its roots. */
  async #releaseRoots(tasks: readonly DeliveryTask[], { isNamed }: AllowedRequest): Promise<void> {
    const ids = tasks.map(({ id }) => id);
    if (!isNamed) return this.#options.roots.release(ids);
    try {
      const taken = new Set((await this.#options.journal.find(ids)).map(({ id }) => id));
      await this.#options.roots.release(ids.filter((id) => !taken.has(id)));
    } catch {
      // Too many roots waste space; too few lose paths.
    }
  }

  async #ask<Answer>(question: (journal: PushJournal) => Promise<Answer>): Promise<Answer> {
    try {
      return await question(this.#options.journal);
    } catch (error) {
      throw toAcceptFailure(error);
    }
  }
}
