import { PushError } from "../core/errors.ts";
import type { Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { DeliveryWorker } from "./delivery-worker.ts";
import { describeJournalFailure } from "./journal-failure.ts";
import type { OpenDeliveries } from "./open-deliveries.ts";
import type { Outbox } from "./outbox.ts";
import { Pause } from "./pause.ts";
import type { Outcome, PushJournal } from "./push-journal.ts";
import type { SettledDelivery } from "./queue-types.ts";
import { resultOfTask } from "./result-of-task.ts";
import type { RootHolder } from "./root-holder.ts";
import type { TicketBook } from "./ticket-book.ts";
import { toSettled } from "./to-settled.ts";

/** What an {@link OutcomeWatch} needs. */
export interface OutcomeWatchOptions {
  readonly journal: PushJournal;
  readonly runtime: Runtime;
  readonly leaseMs: number;
  readonly deliveries: OpenDeliveries;
  readonly tickets: TicketBook;
  readonly roots: RootHolder;
  readonly outbox: Outbox;
  readonly worker: DeliveryWorker;
  /** Whether outcomes of what was accepted here are told here, because nothing is delivered here. */
  readonly tellsOwn: boolean;
  readonly findRegistry: () => CacheRegistry;
}

const FORGOTTEN = new PushError(
  "ERR_JOURNAL_FAILED",
  "The journal has forgotten the delivery, so its outcome is not known; check the cache, and keep outcomes longer",
);
/** How many of its own deliveries a queue looks up at a time. */
const PAGE = 1_000;
/** Least time between two looks, in milliseconds. */
const LEAST_REST_MS = 100;

/**
 * Follows what other queues do on the same journal. It wakes the worker after a change, finds outcomes of
 * deliveries that this queue accepted and another delivered, and tells what a killed queue left untold.
 */
export class OutcomeWatch {
  readonly #options: OutcomeWatchOptions;
  readonly #pause: Pause;
  readonly #rest: Pause;
  #isStopped = false;
  #lookedForForgottenAt = Number.NEGATIVE_INFINITY;

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
      // A busy journal notifies many times a second.
      if (!this.#isStopped) await this.#rest.wait(LEAST_REST_MS);
    }
    await stopListening().catch((error: unknown) => this.#warn(error));
  }

  /** Looks up the outcomes of these deliveries at once. */
  async find(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      for (const outcome of await this.#options.journal.outcomesOf(ids))
        if (this.#options.deliveries.isOwn(outcome.id)) await this.#settle(outcome);
    } catch (error) {
      this.#warn(error);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#pause.wake();
    this.#rest.wake();
  }

  /** Listens to the journal. Without notifications, changes are found later. */
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
    const ids = this.#options.deliveries.listElsewhere(PAGE);
    await this.find(ids);
    const { clock } = this.#options.runtime;
    if (ids.length === 0 || clock.monotonic() - this.#lookedForForgottenAt < this.#options.leaseMs) return;
    this.#lookedForForgottenAt = clock.monotonic();
    await this.#settleForgotten(ids);
  }

  #settle(outcome: Outcome): Promise<void> {
    return this.#end(toSettled(outcome, this.#options.findRegistry));
  }

  async #end(settled: SettledDelivery): Promise<void> {
    const { deliveries, tickets, roots, outbox, tellsOwn } = this.#options;
    const { deliveryId, ticketId, result } = settled;
    await roots.release([deliveryId]);
    deliveries.settle(deliveryId);
    if (tellsOwn) outbox.tell([settled]);
    tickets.settle(ticketId, result);
  }

  /** A delivery that the journal has forgotten has no outcome to wait for. */
  async #settleForgotten(ids: readonly string[]): Promise<void> {
    const { journal, deliveries } = this.#options;
    try {
      const open = ids.filter((id) => deliveries.isOwn(id));
      const known = new Set((await journal.find(open)).map(({ id }) => id));
      for (const id of open) {
        const task = deliveries.earlier(id);
        if (known.has(id) || task === undefined) continue;
        for (const path of [...task.remaining]) task.fail(path, FORGOTTEN);
        const { ticketId, request } = task;
        const result = resultOfTask(task, this.#options.findRegistry);
        await this.#end({ deliveryId: id, ticketId, request, result });
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    this.#options.runtime.warn(describeJournalFailure(error));
  }
}
