import type { Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { DeliveryWorker } from "./delivery-worker.ts";
import { describeJournalFailure } from "./journal-failure.ts";
import type { OpenDeliveries } from "./open-deliveries.ts";
import type { Outbox } from "./outbox.ts";
import { Pause } from "./pause.ts";
import type { PushJournal } from "./push-journal.ts";
import type { RootHolder } from "./root-holder.ts";
import type { TicketBook } from "./ticket-book.ts";
import { toSettled } from "./to-settled.ts";

/** What an {@link OutcomeWatch} works with. */
export interface OutcomeWatchOptions {
  readonly journal: PushJournal;
  readonly runtime: Runtime;
  readonly leaseMs: number;
  readonly deliveries: OpenDeliveries;
  readonly tickets: TicketBook;
  readonly roots: RootHolder;
  readonly outbox: Outbox;
  readonly worker: DeliveryWorker;
  /** Whether outcomes of what was accepted here are told here, since nobody delivers here. */
  readonly tellsOwn: boolean;
  readonly findRegistry: () => CacheRegistry;
}

/** Most of its own deliveries that a queue looks for at a time. */
const PAGE = 1_000;
/** Least time between two looks, in milliseconds. */
const LEAST_REST_MS = 100;

/**
 * Looks at what other queues do on the same journal: wakes the worker when something has changed, finds the outcomes of what this
 * queue has accepted and another has delivered, and tells what a killed one has left untold.
 */
export class OutcomeWatch {
  readonly #options: OutcomeWatchOptions;
  readonly #pause: Pause;
  readonly #rest: Pause;
  #isStopped = false;

  constructor(options: OutcomeWatchOptions) {
    this.#options = options;
    this.#pause = new Pause(options.runtime.clock);
    this.#rest = new Pause(options.runtime.clock);
  }

  /** Watches until it is stopped. */
  async run(): Promise<void> {
    const stopListening = await this.#listen();
    while (!this.#isStopped) {
      await this.#pause.wait(this.#options.leaseMs / 3);
      if (this.#isStopped) break;
      this.#options.outbox.sweep();
      await this.#findOutcomes();
      // A busy journal says many times a second that something has changed.
      if (!this.#isStopped) await this.#rest.wait(LEAST_REST_MS);
    }
    await stopListening().catch((error: unknown) => this.#warn(error));
  }

  /** Looks for outcomes at once. */
  wake(): void {
    this.#pause.wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pause.wake();
    this.#rest.wake();
  }

  /** Listens to the journal; without its hints, changes are found a little later. */
  async #listen(): Promise<() => Promise<void>> {
    const { journal, worker, deliveries } = this.#options;
    try {
      return await journal.watch(() => {
        worker.wake();
        if (journal.isShared && deliveries.hasElsewhere) this.#pause.wake();
      });
    } catch (error) {
      this.#warn(error);
      return async () => undefined;
    }
  }

  async #findOutcomes(): Promise<void> {
    const { journal, deliveries, tickets, roots, outbox, tellsOwn, findRegistry } = this.#options;
    const ids = deliveries.listElsewhere(PAGE);
    if (ids.length === 0) return;
    try {
      for (const outcome of await journal.outcomesOf(ids)) {
        const settled = toSettled(outcome, findRegistry);
        const { deliveryId, ticketId, result } = settled;
        await roots.release([deliveryId]);
        deliveries.settle(deliveryId);
        if (tellsOwn) outbox.tell([settled]);
        tickets.settle(ticketId, result);
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    this.#options.runtime.warn(describeJournalFailure(error));
  }
}
