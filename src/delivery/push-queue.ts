import { PushError } from "../errors.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { copyRequest } from "../registry/copy-request.ts";
import { toPushFailure } from "../registry/outcome.ts";
import type { PushRequest, PushResult } from "../registry/push-types.ts";
import { createNodeRuntime, type Runtime } from "../runtime.ts";
import { Capacity } from "./capacity.ts";
import { DeliveryTask } from "./delivery-task.ts";
import { Lane } from "./lane.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import type { DeadLetter, Delivery, PushJournal } from "./push-journal.ts";
import type { PushQueueOptions, PushTicket, RegistrySource } from "./queue-types.ts";
import { RootHolder } from "./root-holder.ts";
import { TicketBook } from "./ticket-book.ts";

const DEFAULTS = {
  capacity: 10_000,
  concurrency: 2,
  lingerMs: 20,
  maxBatchPaths: 400,
  maxAttempts: 4,
  backoff: { baseMs: 1_000, capMs: 60_000 },
  deadlineMs: 3_600_000,
  leaseMs: 60_000,
} as const;

/**
 * Delivers many pushes over time: accepted requests are journalled, gathered into batches for each cache, tried again where that
 * may help, and given up into a list of dead letters where it does not. Lanes are one for each cache, so that a slow or broken
 * cache delays no other.
 *
 * Permissions are evaluated and credentials loaded at each attempt, never before.
 *
 * @example
 * ```ts
 * await using queue = new PushQueue(registry, { journal: await createSqliteJournal("/var/lib/eka-ci/pushes.sqlite") });
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
  readonly #runtime: Runtime;
  readonly #journal: PushJournal;
  readonly #leases: LeaseKeeper;
  readonly #roots: RootHolder;
  readonly #capacity: Capacity;
  readonly #tickets = new TicketBook();
  readonly #lanes = new Map<string, Lane>();
  readonly #settling = new Set<Promise<void>>();
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
    this.#runtime = createNodeRuntime(options.runtime);
    this.#journal = options.journal ?? createMemoryJournal();
    this.#roots = new RootHolder(options.gcRoots, this.#runtime);
    this.#capacity = new Capacity(options.capacity ?? DEFAULTS.capacity);
    this.#leases = new LeaseKeeper(this.#journal, this.#runtime, options.leaseMs ?? DEFAULTS.leaseMs, {
      room: () => (options.capacity ?? DEFAULTS.capacity) - this.#capacity.taken,
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
    const { request } = copyRequest(asked);
    const registry = this.#registry();
    const isAllowed = (cacheId: string): boolean => registry.authorize(cacheId, request).effect === "allow";
    const allowed = request.caches.filter(isAllowed);
    const denied = request.caches.filter((cacheId) => !isAllowed(cacheId));
    // Nothing is run for these; they are decided on once more, and recorded.
    const settled = denied.length === 0 ? [] : (await registry.push({ ...request, caches: denied })).results;
    const id = this.#runtime.random.uuid();
    const deliveries = allowed.length === 0 ? [] : await this.#accept(id, request, allowed);
    const ticket = this.#tickets.open(id, request.caches, settled);
    this.#start(deliveries);
    return ticket;
  }

  /** Waits until everything that was accepted is settled, also what the journal held from before. */
  async drain(): Promise<void> {
    await this.#leases.ready;
    while (this.size > 0 || this.#settling.size > 0) {
      if (this.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
      await Promise.all(this.#settling);
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

  /** The deliveries that were given up, oldest first. */
  deadLetters(): Promise<readonly DeadLetter[]> {
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
    ticketId: string,
    request: PushRequest,
    cacheIds: readonly string[],
  ): Promise<readonly Delivery[]> {
    await this.#capacity.take(cacheIds.length);
    const { random, clock } = this.#runtime;
    const acceptedAt = clock.now();
    const deliveries = cacheIds.map((cacheId): Delivery => {
      return { id: random.uuid(), ticketId, cacheId, request: { ...request, caches: [cacheId] }, acceptedAt };
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
      this.#capacity.release(cacheIds.length);
      await this.#roots.release(deliveries, true);
      throw error;
    }
    return deliveries;
  }

  async #resume(deliveries: readonly Delivery[]): Promise<void> {
    this.#capacity.force(deliveries.length);
    await this.#roots.tryHold(deliveries);
    this.#start(deliveries);
  }

  #start(deliveries: readonly Delivery[]): void {
    const deadline = this.#runtime.clock.monotonic() + (this.#options.deadlineMs ?? DEFAULTS.deadlineMs);
    for (const delivery of deliveries)
      this.#laneOf(delivery.cacheId).add(new DeliveryTask(delivery, deadline));
  }

  #laneOf(cacheId: string): Lane {
    const known = this.#lanes.get(cacheId);
    if (known !== undefined) return known;
    const { concurrency, lingerMs, maxBatchPaths, maxAttempts, backoff } = {
      ...DEFAULTS,
      ...definedOf(this.#options),
    };
    const { clock, random, warn } = this.#runtime;
    const lane = new Lane({
      clock,
      random,
      warn,
      concurrency,
      lingerMs,
      maxBatchPaths: Math.min(Math.max(maxBatchPaths, 1), DEFAULTS.maxBatchPaths),
      retry: { ...backoff, maxAttempts },
      push: (requests) => this.#push(cacheId, requests),
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
      this.#settling.delete(settling);
      this.#tell(task.delivery, result);
      this.#capacity.release(1);
      if (this.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
    });
    this.#settling.add(settling);
  }

  /** Makes the end durable. If that fails the delivery comes back after a crash, which does no harm. */
  async #record({ delivery, failures }: DeliveryTask, result: PushResult): Promise<void> {
    try {
      if (result.status === "failed") {
        const { code, message } = result.error;
        const request = { ...delivery.request, storePaths: [...failures.keys()] };
        const buriedAt = this.#runtime.clock.now();
        await this.#leases.bury({ delivery: { ...delivery, request }, buriedAt, code, message });
      } else await this.#leases.settle(delivery.id);
      await this.#roots.release([delivery], true);
    } catch (error) {
      this.#runtime.warn(`The end of a delivery was not journalled: ${toPushFailure(error).message}`);
    }
  }

  #tell({ ticketId }: Delivery, result: PushResult): void {
    this.#tickets.settle(ticketId, result);
    try {
      this.#options.onSettled?.({ ticketId, result });
    } catch {
      this.#runtime.warn("The onSettled callback failed");
    }
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    await Promise.all(this.#settling);
    const left = [...this.#lanes.values()].flatMap((lane) => [...lane.tasks]);
    const deliveries = left.map(({ delivery }) => delivery);
    await this.#leases.close(deliveries.map(({ id }) => id));
    await this.#roots.release(deliveries, !this.#journal.isDurable);
    for (const task of left) this.#tickets.settle(task.delivery.ticketId, this.#toAborted(task));
    this.#capacity.release(left.length);
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
    await this.#journal.close();
  }

  #toAborted(task: DeliveryTask): PushResult {
    const attempted = task.toResult();
    if (attempted !== undefined) return attempted;
    const { cacheId, request } = task.delivery;
    const decision = this.#registry().authorize(cacheId, request);
    if (decision.effect === "deny") return { status: "denied", cacheId, decision };
    return { status: "aborted", cacheId, decision, storePaths: [], executions: [], durationMs: 0 };
  }
}

/** Options that are given; what is undefined means the default. */
function definedOf(options: PushQueueOptions): {
  readonly [Key in keyof typeof DEFAULTS]?: Exclude<PushQueueOptions[Key], undefined>;
} {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
