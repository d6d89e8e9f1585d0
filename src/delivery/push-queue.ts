import { callListener } from "../core/call-listener.ts";
import { PushError } from "../core/errors.ts";
import { withDeadline } from "../host/deadline.ts";
import { raceWithSignal } from "../host/race-with-signal.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushRequest, QueuedPromotion } from "../registry/push-types.ts";
import { DeliveryWorker } from "./delivery-worker.ts";
import { drainQueue } from "./drain-queue.ts";
import { EventSource } from "./event-source.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { LedgerWriter } from "./ledger/ledger-writer.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { ObservedJournal } from "./observed-journal.ts";
import { OpenDeliveries } from "./open-deliveries.ts";
import { Outbox } from "./outbox.ts";
import { OutcomeWatch } from "./outcome-watch.ts";
import type { ListRequest, PageRequest, PushJournal } from "./push-journal.ts";
import { type QueueBounds, toQueueBounds } from "./queue-bounds.ts";
import { QueueInspector } from "./queue-inspector.ts";
import { QueueMeter } from "./queue-meter.ts";
import type {
  DeadLetter,
  DrainOptions,
  PushQueueOptions,
  PushTicket,
  QueuedDelivery,
  QueueHealth,
  QueueStats,
  RegistrySource,
} from "./queue-types.ts";
import { RequestAcceptor } from "./request-acceptor.ts";
import { resultOfTask } from "./result-of-task.ts";
import { RootHolder } from "./root-holder.ts";
import { toSharedPush } from "./shared-push.ts";
import { TicketBook } from "./ticket-book.ts";

/**
 * Delivers many pushes over time. Accepted requests are journalled, batched for each cache, and retried if
 * that may help. Otherwise they become dead letters. A slow or broken cache delays no other.
 *
 * Delivery is at-least-once. Permissions are evaluated and credentials loaded at each attempt, never before.
 *
 * @example
 * ```ts
 * await using queue = new PushQueue(registry, { journal: createSqliteJournal("/var/lib/eka-ci/pushes.sqlite") });
 * const ticket = await queue.enqueue(request); // accepted: it survives a crash
 * const report = await ticket.done;
 * await queue.drain();
 * ```
 *
 * @public
 */
export class PushQueue implements AsyncDisposable {
  readonly #source: RegistrySource;
  readonly #options: PushQueueOptions;
  readonly #bounds: QueueBounds;
  readonly #runtime: Runtime;
  readonly #journal: PushJournal;
  readonly #stores: readonly [string, ...string[]];
  readonly #leases: LeaseHolder;
  readonly #worker: DeliveryWorker;
  readonly #outbox: Outbox;
  readonly #roots: RootHolder;
  readonly #deliveries: OpenDeliveries;
  readonly #tickets = new TicketBook();
  readonly #events: EventSource;
  readonly #ledger: LedgerWriter;
  readonly #acceptor: RequestAcceptor;
  readonly #inspector: QueueInspector;
  readonly #abort = new AbortController();
  readonly #watch: OutcomeWatch;
  readonly #running: Promise<unknown>;
  #closing: Promise<void> | undefined;

  /**
   * Creates a queue. It also delivers what its journal already has.
   *
   * @param registry - what pushes
   * @param options - journal, limits and listeners
   */
  constructor(registry: RegistrySource, options: PushQueueOptions = {}) {
    this.#source = registry;
    this.#options = options;
    const runtime = createNodeRuntime(options.runtime);
    // A warning that fails must not stop a delivery.
    const warn = (message: string): void => callListener(runtime.warn, message, () => undefined);
    this.#runtime = { ...runtime, warn };
    const { clock } = runtime;
    const journal = new ObservedJournal(options.journal ?? createMemoryJournal({ clock }), clock);
    const meter = new QueueMeter(clock);
    this.#journal = journal;
    this.#stores = options.stores ?? ["local"];
    this.#roots = new RootHolder(options.gcRoots, this.#runtime);
    this.#bounds = toQueueBounds(options);
    this.#deliveries = new OpenDeliveries(this.#bounds.capacity);
    this.#events = new EventSource(this.#runtime, [meter.record, options.onEvent]);
    const { leaseMs, confirmedTtlMs } = this.#bounds;
    this.#ledger = new LedgerWriter({ ledger: options.ledger, runtime: this.#runtime, confirmedTtlMs });
    this.#leases = new LeaseHolder({ journal: this.#journal, clock, leaseMs, warn });
    const { onSettled: listener } = options;
    const findRegistry = this.#findRegistry;
    this.#outbox = new Outbox({
      ...{ journal: this.#journal, clock, leaseMs, warn, listener, findRegistry },
      roots: this.#roots,
    });
    this.#worker = this.#createWorker();
    this.#watch = this.#createWatch();
    this.#acceptor = this.#createAcceptor();
    this.#inspector = new QueueInspector({ journal, worker: this.#worker, meter });
    const delivering = this.#isConsumer ? [this.#worker.run(), this.#leases.run()] : [];
    this.#running = Promise.all([...delivering, this.#watch.run()]);
  }

  #createWorker(): DeliveryWorker {
    return new DeliveryWorker({
      journal: this.#journal,
      runtime: this.#runtime,
      bounds: this.#bounds,
      owner: this.#runtime.random.uuid(),
      stores: this.#stores,
      leases: this.#leases,
      deliveries: this.#deliveries,
      tickets: this.#tickets,
      outbox: this.#outbox,
      roots: this.#roots,
      events: this.#events,
      ledger: this.#ledger,
      findRegistry: this.#findRegistry,
      push: toSharedPush(
        { ...this.#options, findConfirmed: this.#ledger.findConfirmed },
        this.#findRegistry,
        this.#runtime,
      ),
    });
  }

  #createWatch(): OutcomeWatch {
    return new OutcomeWatch({
      journal: this.#journal,
      runtime: this.#runtime,
      leaseMs: this.#bounds.leaseMs,
      deliveries: this.#deliveries,
      tickets: this.#tickets,
      roots: this.#roots,
      outbox: this.#outbox,
      worker: this.#worker,
      tellsOwn: !this.#isConsumer,
      findRegistry: this.#findRegistry,
    });
  }

  #createAcceptor(): RequestAcceptor {
    const [storeId] = this.#stores;
    return new RequestAcceptor({
      journal: this.#journal,
      storeId,
      deliveries: this.#deliveries,
      tickets: this.#tickets,
      roots: this.#roots,
      events: this.#events,
      ledger: this.#ledger,
      createId: () => this.#runtime.random.uuid(),
      findRegistry: this.#findRegistry,
      closing: this.#abort.signal,
      assertOpen: () => this.#assertOpen(),
      onAccepted: (known) => {
        this.#worker.wake();
        if (known.length > 0) void this.#watch.find(known);
      },
    });
  }

  /**
   * The number of deliveries (one request at one cache) that this queue accepted or holds, and whose outcome
   * is not known.
   */
  get size(): number {
    return this.#deliveries.size;
  }

  /**
   * Accepts a request. It resolves after the request is journalled, and waits while the queue is full. The
   * `pushId` of the request is an idempotency key: a second call with it gets the ticket of the first, even
   * from another process, as long as the journal keeps the outcome.
   *
   * @param asked - the same as for a push, or for a promotion with `kind: "promotion"`
   * @returns the ticket; caches that deny the request are already settled
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_QUEUE_ROLE` on a consumer, `ERR_PUSH_ID_CONFLICT` if
   * another request has the same `pushId`, `ERR_JOURNAL_FAILED`, `ERR_JOURNAL_CORRUPT`, or
   * `ERR_STORE_PATH_NOT_VALID` or `ERR_GC_ROOT_FAILED` if the paths cannot be protected from the garbage
   * collector
   */
  async enqueue(asked: PushRequest | QueuedPromotion): Promise<PushTicket> {
    this.#assertOpen();
    if (this.#options.role === "consumer") {
      const hint = 'enqueue on a queue with the role "producer" or "both"';
      throw new PushError("ERR_QUEUE_ROLE", `This queue only delivers; ${hint}`);
    }
    return this.#acceptor.accept(asked);
  }

  /**
   * Waits until all accepted deliveries are settled and told, including those that were in the journal
   * before. Deliveries of a killed process become free when its lease ends. Those of another living queue are
   * not waited for. A producer waits only for its own.
   *
   * @param options - when to stop waiting
   * @throws {@link PushError} `ERR_PUSH_TIMEOUT` when the time is over, `ERR_QUEUE_CLOSED` if the queue is
   * closed with work left, `ERR_JOURNAL_CORRUPT` for a damaged journal; the signal's reason on abort
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    this.#assertOpen();
    return drainQueue(options, {
      journal: this.#journal,
      clock: this.#runtime.clock,
      leaseMs: this.#bounds.leaseMs,
      stores: this.#stores,
      isConsumer: this.#isConsumer,
      deliveries: this.#deliveries,
      outbox: this.#outbox,
      worker: this.#worker,
      closing: this.#abort.signal,
    });
  }

  /**
   * Takes nothing more from the journal and waits for running deliveries, for a host that stops while others
   * go on. Waiting deliveries stay in the journal. Close the queue afterwards.
   *
   * @param options - when to stop waiting
   * @throws {@link PushError} `ERR_PUSH_TIMEOUT` when the time is over, `ERR_QUEUE_CLOSED`; the signal's
   * reason on abort
   *
   * @example
   * ```ts
   * await queue.finish({ timeoutMs: 60_000 }).catch(() => log("What still runs is ended"));
   * await queue.close();
   * ```
   */
  async finish(options: DrainOptions = {}): Promise<void> {
    this.#assertOpen();
    const { signal, timeoutMs } = options;
    const finish = async (): Promise<void> => {
      await this.#worker.finish();
      await this.#outbox.idle();
    };
    if (timeoutMs === undefined) return raceWithSignal(finish(), signal);
    const onTimeout = (): Error =>
      new PushError("ERR_PUSH_TIMEOUT", "Running deliveries did not end in time");
    return withDeadline(finish, { clock: this.#runtime.clock, signal, timeoutMs, onTimeout });
  }

  /**
   * Closes the queue. Running commands are aborted, unsettled deliveries stay in the journal, and their
   * tickets report `aborted`. Call {@link PushQueue.drain} first to finish them.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Lists deliveries in any state, of all queues on the journal, in the order of acceptance.
   *
   * @param request - which; default the first 1 000 of all
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async list(request: Partial<ListRequest> = {}): Promise<readonly QueuedDelivery[]> {
    this.#assertOpen();
    return this.#inspector.list(request);
  }

  /**
   * One delivery.
   *
   * @param id - id of the delivery: the ticket's, a slash and the cache's
   * @returns nothing if the journal does not know it, or no longer does
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async get(id: string): Promise<QueuedDelivery | undefined> {
    this.#assertOpen();
    return this.#inspector.get(id);
  }

  /**
   * Cancels waiting deliveries. They are settled as failed with `ERR_DELIVERY_CANCELLED`. Running ones go on,
   * because others share their command; they can be cancelled when they wait again.
   *
   * @param ids - ids of the deliveries
   * @returns the ids of those that were cancelled
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async cancel(ids: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen();
    const cancelled = await this.#journal.cancel(ids);
    await this.#roots.release(cancelled);
    await this.#watch.find(cancelled);
    return cancelled;
  }

  /**
   * Lists the deliveries that were given up, in the order of acceptance.
   *
   * @param page - which part of the list; default the first 1 000
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async deadLetters(page: Partial<PageRequest> = {}): Promise<readonly DeadLetter[]> {
    this.#assertOpen();
    return this.#inspector.deadLetters(page);
  }

  /**
   * Delivers dead letters again, from the beginning. Their tickets are already settled, so `onSettled` tells
   * their outcomes.
   *
   * @param ids - ids of the deliveries; default all
   * @returns how many there were
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async replay(ids?: readonly string[]): Promise<number> {
    this.#assertOpen();
    const count = await this.#inspector.replay(ids);
    this.#worker.wake();
    return count;
  }

  /**
   * Deletes dead letters. An untold outcome is still told.
   *
   * @param ids - ids of the deliveries
   * @returns how many there were
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async drop(ids: readonly string[]): Promise<number> {
    this.#assertOpen();
    return this.#journal.drop(ids);
  }

  /**
   * The state of each cache: counts of all queues on the journal, and breaker and rates of this one. It is
   * fast enough to call every second.
   *
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`
   */
  async stats(): Promise<readonly QueueStats[]> {
    this.#assertOpen();
    return this.#inspector.stats();
  }

  /** The health of the queue, for a health page. */
  health(): QueueHealth {
    return this.#inspector.health();
  }

  /** The same as {@link PushQueue.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isConsumer(): boolean {
    return this.#options.role !== "producer";
  }

  readonly #findRegistry = (): CacheRegistry =>
    typeof this.#source === "function" ? this.#source() : this.#source;

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new PushError("ERR_QUEUE_CLOSED", "The queue was closed; create a new one");
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await this.#acceptor.idle();
    this.#worker.stop();
    this.#leases.stop();
    this.#watch.stop();
    this.#outbox.stop();
    await this.#running;
    await this.#outbox.idle();
    const left = this.#deliveries.listOwn();
    if (!this.#journal.isDurable) await this.#roots.release(left.map(({ id }) => id));
    for (const task of left) {
      this.#deliveries.settle(task.id);
      this.#tickets.settle(task.ticketId, resultOfTask(task, this.#findRegistry));
    }
    try {
      await this.#journal.close();
    } finally {
      await this.#ledger.close();
    }
  }
}
