import { callListener } from "../core/call-listener.ts";
import { PushError } from "../core/errors.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { AllowDecision } from "../policy/decision.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { copyRequest } from "../registry/copy-request.ts";
import { toPushFailure } from "../registry/outcome.ts";
import type { PushRequest, PushResult } from "../registry/push-types.ts";
import { Capacity } from "./capacity.ts";
import { DeliveryTask } from "./delivery-task.ts";
import { explainTask } from "./explain-task.ts";
import { findAllowed } from "./find-allowed.ts";
import { Lane } from "./lane.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import type { DeadLetter, Delivery, PushJournal } from "./push-journal.ts";
import { type QueueBounds, toQueueBounds } from "./queue-bounds.ts";
import type { PushQueueOptions, PushTicket, RegistrySource } from "./queue-types.ts";
import { readOnce } from "./read-once.ts";
import { RootHolder } from "./root-holder.ts";
import { TicketBook } from "./ticket-book.ts";
import { trackPromise } from "./track-promise.ts";

/**
 * Delivers many pushes over time: accepted requests are journalled, gathered into batches for each cache, tried again where that
 * may help, and given up into a list of dead letters where it does not. Lanes are one for each cache, so that a slow or broken
 * cache delays no other.
 *
 * Permissions are evaluated and credentials loaded at each attempt, never before.
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
  readonly #leases: LeaseKeeper;
  readonly #roots: RootHolder;
  readonly #capacity: Capacity;
  readonly #tickets = new TicketBook();
  readonly #lanes = new Map<string, Lane>();
  readonly #accepting = new Set<Promise<unknown>>();
  readonly #settling = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();
  #whenEmpty: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  /**
   * Makes a queue, and takes up what its journal holds from before.
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
    this.#journal = options.journal ?? createMemoryJournal();
    this.#roots = new RootHolder(options.gcRoots, this.#runtime);
    this.#bounds = toQueueBounds(options);
    const { capacity, leaseMs } = this.#bounds;
    this.#capacity = new Capacity(capacity);
    this.#leases = new LeaseKeeper(this.#journal, this.#runtime, leaseMs, {
      room: () => capacity - this.#capacity.taken,
      take: (deliveries) => this.#resume(deliveries),
    });
  }

  /** Deliveries (a request at a cache each) that are accepted and not settled. */
  get size(): number {
    return this.#capacity.taken;
  }

  /**
   * Accepts a request. It resolves once the request is journalled; while the queue is full it waits.
   *
   * @param asked - the same as for a push
   * @returns the ticket; caches that deny the request are settled already
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`, `ERR_JOURNAL_FAILED`, or `ERR_STORE_PATH_NOT_VALID` if the paths cannot be kept
   * from the garbage collector
   */
  async enqueue(asked: PushRequest): Promise<PushTicket> {
    this.#assertOpen();
    const once = readOnce(asked);
    const copied = copyRequest(once);
    const pushId = this.#runtime.random.uuid();
    const registry = this.#registry();
    const request = copied.success ? copied.request : copied.remains;
    const isPushable = copied.success && request.storePaths.length > 0;
    const queued = isPushable ? findAllowed(request, registry) : new Map<string, AllowDecision>();
    const others = request.caches.filter((cacheId) => !queued.has(cacheId));
    const settled = await trackPromise(
      this.#accepting,
      this.#settleNow({ ...once, pushId, caches: others }, registry),
    );
    if (queued.size === 0) return this.#tickets.open(pushId, request.caches, settled);
    await this.#capacity.take(queued.size);
    return trackPromise(this.#accepting, this.#accept({ ...request, pushId }, queued, settled));
  }

  /** Denied caches, and what cannot be pushed at all: they are decided on once more and recorded, and nothing is run. */
  async #settleNow(request: PushRequest, registry: CacheRegistry): Promise<readonly PushResult[]> {
    if (request.caches.length === 0) return [];
    return (await registry.push(request, { signal: this.#abort.signal })).results;
  }

  /**
   * Waits until everything that was accepted is settled, also what the journal held when the queue was made. What a killed process held
   * comes free when its lease ends; what another living queue holds is left to that.
   */
  async drain(): Promise<void> {
    await this.#leases.ready;
    while (this.size > 0 || this.#settling.size > 0 || this.#leases.hasMore) {
      if (this.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
      await Promise.all(this.#settling);
      if (this.#closing !== undefined) return;
      if (this.#leases.hasMore) await this.#leases.collectMore();
    }
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
   * The deliveries that were given up, oldest first.
   *
   * @throws {@link PushError} `ERR_QUEUE_CLOSED`
   */
  async deadLetters(): Promise<readonly DeadLetter[]> {
    this.#assertOpen();
    return this.#journal.deadLetters();
  }

  /**
   * Delivers dead letters again, from the beginning; their tickets are settled already, so `onSettled` tells what becomes of them.
   *
   * @param ids - ids of their deliveries; default all
   * @returns how many there were
   */
  async replay(ids?: readonly string[]): Promise<number> {
    this.#assertOpen();
    const letters = await this.#journal.deadLetters();
    const count = await this.#journal.revive(ids ?? letters.map(({ delivery }) => delivery.id));
    await this.#leases.collect();
    return count;
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
    request: PushRequest,
    queued: ReadonlyMap<string, AllowDecision>,
    settled: readonly PushResult[],
  ): Promise<PushTicket> {
    const { random, clock } = this.#runtime;
    const { pushId: ticketId = random.uuid() } = request;
    const deliveries = [...queued.keys()].map((cacheId): Delivery => {
      const own = { ...request, caches: [cacheId] };
      return { id: random.uuid(), ticketId, cacheId, request: own, acceptedAt: clock.now() };
    });
    try {
      this.#assertOpen();
      await this.#roots.hold(deliveries);
      await this.#leases.accept(deliveries).catch((error: unknown) => {
        throw new PushError(
          "ERR_JOURNAL_FAILED",
          `The journal kept nothing: ${toPushFailure(error).message}`,
        );
      });
    } catch (error) {
      await this.#roots.release(deliveries);
      this.#free(deliveries.length);
      throw error;
    }
    const ticket = this.#tickets.open(ticketId, request.caches, settled);
    for (const delivery of deliveries) this.#start(delivery, queued.get(delivery.cacheId));
    return ticket;
  }

  /** Takes up deliveries from before; one that nobody can read is put aside, and delays no other. */
  async #resume(deliveries: readonly Delivery[]): Promise<void> {
    this.#capacity.force(deliveries.length);
    await Promise.all(
      deliveries.map(async (delivery) => {
        const copied = copyRequest(delivery.request);
        if (copied.success && copied.request.storePaths.length > 0) {
          await this.#roots.tryHold(delivery);
          this.#start({ ...delivery, request: copied.request }, undefined);
          return;
        }
        const letter = { delivery, buriedAt: this.#runtime.clock.now(), code: "ERR_JOURNAL_FAILED" };
        await this.#leases.bury({ ...letter, message: "The journal holds a request that cannot be read" });
        this.#free(1);
      }),
    );
  }

  #start(delivery: Delivery, decision: AllowDecision | undefined): void {
    const deadline = this.#runtime.clock.monotonic() + this.#bounds.deadlineMs;
    this.#laneOf(delivery.cacheId).add(new DeliveryTask(delivery, deadline, decision));
  }

  /** Gives room back, lets those in who wait for it, and wakes who waits for the end. */
  #free(count: number): void {
    this.#capacity.release(count);
    if (this.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
    if (this.#leases.hasMore && this.#closing === undefined) void this.#leases.collect();
  }

  #laneOf(cacheId: string): Lane {
    const known = this.#lanes.get(cacheId);
    if (known !== undefined) return known;
    const { concurrency, lingerMs, maxBatchPaths, maxAttempts, backoff } = this.#bounds;
    const { clock, random, warn } = this.#runtime;
    const lane = new Lane({
      clock,
      random,
      warn,
      concurrency,
      lingerMs,
      maxBatchPaths,
      retry: { ...backoff, maxAttempts },
      push: (requests) => this.#push(cacheId, requests),
      explain: (task) => explainTask(task, () => this.#registry()),
      onSettled: (task, result) => this.#settle(task, result),
    });
    this.#lanes.set(cacheId, lane);
    return lane;
  }

  #push(cacheId: string, requests: readonly PushRequest[]): Promise<readonly PushResult[]> {
    const { timeoutMs, stallTimeoutMs, onOutput, onProgress } = this.#options;
    const { signal } = this.#abort;
    return this.#registry().pushTogether(cacheId, requests, {
      timeoutMs,
      stallTimeoutMs,
      onOutput,
      onProgress,
      signal,
    });
  }

  #settle(task: DeliveryTask, result: PushResult): void {
    const settling = this.#record(task, result).finally(() => {
      this.#tell(task.delivery, result);
      this.#free(1);
    });
    void trackPromise(this.#settling, settling);
  }

  /** Makes the end durable. */
  async #record({ delivery, failures }: DeliveryTask, result: PushResult): Promise<void> {
    if (result.status === "failed") {
      const { code, message } = result.error;
      const request = { ...delivery.request, storePaths: [...failures.keys()] };
      const buriedAt = this.#runtime.clock.now();
      await this.#leases.bury({ delivery: { ...delivery, request }, buriedAt, code, message });
    } else await this.#leases.settle(delivery.id);
    await this.#roots.release([delivery]);
  }

  #tell({ ticketId }: Delivery, result: PushResult): void {
    this.#tickets.settle(ticketId, result);
    const { onSettled } = this.#options;
    if (onSettled === undefined) return;
    callListener(onSettled, { ticketId, result }, () => this.#runtime.warn("The onSettled callback failed"));
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled([this.#leases.stop(), ...this.#accepting]);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    await Promise.all(this.#settling);
    const left = [...this.#lanes.values()].flatMap((lane) => [...lane.tasks]);
    const deliveries = left.map(({ delivery }) => delivery);
    await this.#leases.release(deliveries.map(({ id }) => id));
    if (!this.#journal.isDurable) await this.#roots.release(deliveries);
    for (const task of left)
      this.#tickets.settle(
        task.delivery.ticketId,
        explainTask(task, () => this.#registry()),
      );
    this.#free(left.length);
    await this.#journal.close();
  }
}
