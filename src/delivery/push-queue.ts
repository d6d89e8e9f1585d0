import { callListener } from "../core/call-listener.ts";
import { PushError } from "../core/errors.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import type { PushRequest, PushResult } from "../registry/push-types.ts";
import { type ReadPushRequest, readPushRequest } from "../registry/read-push-request.ts";
import { listDeadLetters } from "./dead-letters.ts";
import { DeliveryTask } from "./delivery-task.ts";
import { DeliveryWorker } from "./delivery-worker.ts";
import { drainQueue } from "./drain-queue.ts";
import { toAcceptFailure } from "./journal-failure.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { OpenDeliveries } from "./open-deliveries.ts";
import { Outbox } from "./outbox.ts";
import { OutcomeWatch } from "./outcome-watch.ts";
import type { CacheStats, Delivery, PageRequest, PushJournal } from "./push-journal.ts";
import { type QueueBounds, toQueueBounds } from "./queue-bounds.ts";
import type {
  DeadLetter,
  DrainOptions,
  PushQueueOptions,
  PushTicket,
  RegistrySource,
} from "./queue-types.ts";
import { resultOfTask } from "./result-of-task.ts";
import { RootHolder } from "./root-holder.ts";
import { writeRequest } from "./stored-request.ts";
import { TicketBook } from "./ticket-book.ts";
import { trackPromise } from "./track-promise.ts";

/**
 * Delivers many pushes over time. Accepted requests are journalled, gathered into batches for each cache, tried again where that may
 * help, and given up into a list of dead letters where it does not. A slow or broken cache delays no other.
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
  readonly #accepting = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();
  readonly #watch: OutcomeWatch;
  readonly #running: Promise<unknown>;
  #closing: Promise<void> | undefined;

  /**
   * Makes a queue, which takes up what its journal holds from before.
   *
   * @param registry - what pushes
   * @param options - journal, bounds and listeners
   */
  constructor(registry: RegistrySource, options: PushQueueOptions = {}) {
    this.#source = registry;
    this.#options = options;
    const runtime = createNodeRuntime(options.runtime);
    // A warning that cannot be given must not stop a delivery.
    const warn = (message: string): void => callListener(runtime.warn, message, () => undefined);
    this.#runtime = { ...runtime, warn };
    const { clock } = runtime;
    this.#journal = options.journal ?? createMemoryJournal({ clock });
    this.#stores = options.stores ?? ["local"];
    this.#roots = new RootHolder(options.gcRoots, this.#runtime);
    this.#bounds = toQueueBounds(options);
    this.#deliveries = new OpenDeliveries(this.#bounds.capacity);
    const { leaseMs } = this.#bounds;
    const findRegistry = (): CacheRegistry => this.#registry();
    this.#leases = new LeaseHolder({ journal: this.#journal, clock, leaseMs, warn });
    const listener = options.onSettled;
    this.#outbox = new Outbox({ journal: this.#journal, clock, leaseMs, warn, listener, findRegistry });
    this.#worker = this.#createWorker(findRegistry);
    this.#watch = this.#createWatch(findRegistry);
    this.#running = Promise.all([this.#worker.run(), this.#leases.run(), this.#watch.run()]);
  }

  #createWorker(findRegistry: () => CacheRegistry): DeliveryWorker {
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
      findRegistry,
      push: (cacheId, requests, signal) => this.#push(cacheId, requests, signal),
    });
  }

  #createWatch(findRegistry: () => CacheRegistry): OutcomeWatch {
    return new OutcomeWatch({
      journal: this.#journal,
      runtime: this.#runtime,
      leaseMs: this.#bounds.leaseMs,
      deliveries: this.#deliveries,
      tickets: this.#tickets,
      roots: this.#roots,
      outbox: this.#outbox,
      worker: this.#worker,
      findRegistry,
    });
  }

  /** Deliveries (a request at a cache each) that this queue accepted or holds, and whose outcome is not known. */
  get size(): number {
    return this.#deliveries.size;
  }

  /**
   * Accepts a request. It resolves once the request is journalled; while the queue is full it waits.
   *
   * @param asked - the same as for a push
   * @returns the ticket; caches that deny the request are settled already
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`, `ERR_JOURNAL_CORRUPT`, or `ERR_STORE_PATH_NOT_VALID` or
   * `ERR_GC_ROOT_FAILED` if the paths cannot be kept from the garbage collector
   */
  async enqueue(asked: PushRequest): Promise<PushTicket> {
    this.#assertOpen();
    const pushId = this.#runtime.random.uuid();
    const request = readPushRequest(asked).with({ pushId });
    const registry = this.#registry();
    const isAllowed = (cacheId: string): boolean => registry.authorize(cacheId, request).effect === "allow";
    const queued = request.storePaths.length === 0 ? [] : request.caches.filter(isAllowed);
    const others = request.with({ caches: request.caches.filter((cacheId) => !queued.includes(cacheId)) });
    const settled = await trackPromise(this.#accepting, this.#settleNow(others, registry));
    if (queued.length === 0) return this.#tickets.open(pushId, request.caches, settled);
    await this.#deliveries.reserve(queued.length);
    return trackPromise(this.#accepting, this.#accept(request, queued, settled));
  }

  /** Denied caches, and what cannot be pushed at all: they are decided on once more and recorded, and nothing is run. */
  async #settleNow(request: ReadPushRequest, registry: CacheRegistry): Promise<readonly PushResult[]> {
    if (request.caches.length === 0) return [];
    return (await registry.push(request, { signal: this.#abort.signal })).results;
  }

  /**
   * Waits until everything is settled and told that was accepted, also what the journal held when the queue was made. What a killed
   * process held comes free when its lease ends; what another living queue holds is left to that.
   *
   * @param options - when to stop waiting
   * @throws {@link PushError} `ERR_PUSH_TIMEOUT` when the time is over, `ERR_QUEUE_CLOSED` for a queue that is closed with work left,
   * `ERR_JOURNAL_CORRUPT` for a journal that cannot be relied on; the signal's reason on abort
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    this.#assertOpen();
    return drainQueue(options, {
      journal: this.#journal,
      clock: this.#runtime.clock,
      leaseMs: this.#bounds.leaseMs,
      stores: this.#stores,
      deliveries: this.#deliveries,
      outbox: this.#outbox,
      worker: this.#worker,
      closing: this.#abort.signal,
    });
  }

  /**
   * Closes the queue: commands that run are ended, what is not settled stays in the journal, and its tickets report `aborted`. To
   * finish what was accepted, {@link PushQueue.drain} first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The deliveries that were given up, in the order in which they were accepted.
   *
   * @param page - which part of the list; default the first 1 000
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`
   */
  async deadLetters(page: Partial<PageRequest> = {}): Promise<readonly DeadLetter[]> {
    this.#assertOpen();
    return listDeadLetters(this.#journal, { limit: 1_000, ...page });
  }

  /**
   * Delivers dead letters again, from the beginning; their tickets are settled already, so `onSettled` tells what becomes of them.
   *
   * @param ids - ids of the deliveries; default all
   * @returns how many there were
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`
   */
  async replay(ids?: readonly string[]): Promise<number> {
    this.#assertOpen();
    const count = ids === undefined ? await this.#replayAll() : await this.#journal.replay(ids);
    this.#worker.wake();
    return count;
  }

  /**
   * How many deliveries there are of each cache, for all queues on the journal.
   *
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`
   */
  async stats(): Promise<readonly CacheStats[]> {
    this.#assertOpen();
    return this.#journal.stats();
  }

  /** The same as {@link PushQueue.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #registry(): CacheRegistry {
    return typeof this.#source === "function" ? this.#source() : this.#source;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new PushError("ERR_QUEUE_CLOSED", "The queue was closed; make a new one");
  }

  async #accept(
    request: ReadPushRequest,
    queued: readonly string[],
    settled: readonly PushResult[],
  ): Promise<PushTicket> {
    const { pushId: ticketId = "", repository } = request;
    const text = writeRequest(request);
    const [storeId] = this.#stores;
    const deliveries = queued.map((cacheId): Delivery => {
      return { id: `${ticketId}/${cacheId}`, ticketId, cacheId, storeId, repository, request: text };
    });
    const tasks = deliveries.map(({ id, cacheId }) => {
      return new DeliveryTask({ id, ticketId, cacheId, request, deadline: Number.POSITIVE_INFINITY });
    });
    for (const task of tasks) this.#deliveries.accept(task);
    const ticket = this.#tickets.open(ticketId, request.caches, settled);
    try {
      this.#assertOpen();
      await this.#roots.hold(tasks);
      await this.#journal.accept(deliveries).catch((error: unknown) => {
        throw toAcceptFailure(error);
      });
    } catch (error) {
      await this.#roots.release(deliveries.map(({ id }) => id));
      for (const { id } of deliveries) this.#deliveries.settle(id);
      this.#tickets.forget(ticketId);
      throw error;
    }
    this.#worker.wake();
    return ticket;
  }

  async #push(
    cacheId: string,
    requests: readonly ReadPushRequest[],
    signal: AbortSignal,
  ): Promise<readonly PushResult[]> {
    const { timeoutMs, stallTimeoutMs, onOutput, onProgress } = this.#options;
    try {
      const options = { timeoutMs, stallTimeoutMs, onOutput, onProgress, signal };
      return await this.#registry().pushTogether(cacheId, requests, options);
    } catch {
      // The registry was closed under the queue; the host may give it another.
      this.#runtime.warn("A batch was not tried: the registry is closed, or there is none");
      return [];
    }
  }

  async #replayAll(): Promise<number> {
    let count = 0;
    let after: number | undefined;
    for (;;) {
      const letters = await this.#journal.deadLetters({ after, limit: 1_000 });
      if (letters.length === 0) return count;
      // What dies again meanwhile keeps its place, so that it is not replayed a second time.
      after = letters.at(-1)?.position;
      count += await this.#journal.replay(letters.map(({ id }) => id));
    }
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#accepting);
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
      this.#tickets.settle(
        task.ticketId,
        resultOfTask(task, () => this.#registry()),
      );
    }
    await this.#journal.close();
  }
}
