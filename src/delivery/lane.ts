import type { Clock, Random } from "../host/runtime.ts";
import { toPushFailure } from "../registry/outcome.ts";
import type { FailedResult, PushRequest, PushResult } from "../registry/push-types.ts";
import { computeDelay } from "./backoff.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { classifyFailure } from "./classify-failure.ts";
import type { DeliveryTask } from "./delivery-task.ts";
import { planNext, type RetryPolicy } from "./retry-policy.ts";
import { WorkGroup } from "./work-group.ts";

/** What a lane works with. */
export interface LaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Commands at once. */
  readonly concurrency: number;
  /** How long the first of a batch waits for others, in milliseconds. */
  readonly lingerMs: number;
  /** Most paths of a batch. */
  readonly maxBatchPaths: number;
  readonly retry: RetryPolicy;
  /** Pushes requests together; a result for each, in their order. */
  readonly push: (requests: readonly PushRequest[]) => Promise<readonly PushResult[]>;
  readonly warn: (message: string) => void;
  /** What is reported of a delivery that no attempt was made for. */
  readonly explain: (task: DeliveryTask) => PushResult;
  /** Called once for each delivery, when it is done, denied or given up. */
  readonly onSettled: (task: DeliveryTask, result: PushResult) => void;
}

/** How long an aborted attempt rests at least. */
const LEAST_REST_MS = 1_000;

interface Waiting {
  readonly task: DeliveryTask;
  readonly since: number;
}

/**
 * The deliveries to one cache: gathered into batches in the order they came, tried again where that may help, halved where one path
 * spoils the others. Lanes know nothing of each other, so a broken cache delays no other.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #breaker = new CircuitBreaker();
  readonly #tasks = new Set<DeliveryTask>();
  #fresh: Waiting[] = [];
  #groups: WorkGroup[] = [];
  #running = 0;
  #isClosed = false;
  #isFreshNext = true;
  #lastMovedAt: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Deliveries that are not settled. */
  get tasks(): ReadonlySet<DeliveryTask> {
    return this.#tasks;
  }

  /** Takes a delivery. */
  add(task: DeliveryTask): void {
    this.#tasks.add(task);
    this.#fresh.push({ task, since: this.#now() });
    this.#schedule();
  }

  /** Starts nothing more, and waits for what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Starts what may start, and sets a timer for what may start later. */
  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#isClosed) return;
    const now = this.#now();
    this.#expire(now);
    while (this.#running < this.#options.concurrency && this.#breaker.allows(now, this.#running)) {
      // In turn, so that neither what failed nor what is new starves the other.
      const group = this.#isFreshNext
        ? (this.#takeBatch(now) ?? this.#takeGroup(now))
        : (this.#takeGroup(now) ?? this.#takeBatch(now));
      if (group === undefined) break;
      this.#isFreshNext = !this.#isFreshNext;
      void this.#run(group);
    }
    const next = Math.min(this.#findNext(now) ?? Number.POSITIVE_INFINITY, this.#findDeadline());
    if (next === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#options.clock.schedule(() => this.#schedule(), Math.max(next - now, 0));
  }

  /** Gives up what has waited too long, for instance while the cache was down. Deliveries end in the order they came. */
  #expire(now: number): void {
    for (const task of this.#tasks) {
      if (task.deadline > now) return;
      if (task.isRunning) continue;
      task.expire();
      this.#settle(task, task.toResult() ?? this.#options.explain(task));
    }
  }

  #findDeadline(): number {
    for (const { deadline, isRunning } of this.#tasks) if (!isRunning) return deadline;
    return Number.POSITIVE_INFINITY;
  }

  /** When something may start that may not now; nothing if the end of a run will tell. */
  #findNext(now: number): number | undefined {
    if (this.#running >= this.#options.concurrency) return undefined;
    const [first] = this.#fresh;
    const ready = this.#groups.map(({ readyAt }) => readyAt);
    if (first !== undefined) ready.push(first.since + this.#options.lingerMs);
    if (ready.length === 0) return undefined;
    const { opensAgainAt } = this.#breaker;
    if (opensAgainAt !== undefined && this.#running > 0) return undefined;
    return Math.max(Math.min(...ready), opensAgainAt ?? now);
  }

  #takeGroup(now: number): WorkGroup | undefined {
    const index = this.#groups.findIndex(({ readyAt }) => readyAt <= now);
    return index === -1 ? undefined : this.#groups.splice(index, 1)[0];
  }

  /** Takes the next deliveries that fit into one batch, once the first has waited for others or the batch is full. */
  #takeBatch(now: number): WorkGroup | undefined {
    const { lingerMs, maxBatchPaths } = this.#options;
    const [first] = this.#fresh;
    if (first === undefined) return undefined;
    let count = 0;
    let paths = 0;
    const { repository } = first.task.delivery.request;
    for (const { task } of this.#fresh) {
      // Repositories share no command, see pushTogether.
      if (task.delivery.request.repository !== repository) break;
      if (count > 0 && paths + task.remaining.size > maxBatchPaths) break;
      paths += task.remaining.size;
      count++;
    }
    const isFull = count < this.#fresh.length || paths >= maxBatchPaths;
    if (!isFull && first.since + lingerMs > now) return undefined;
    const batch = this.#fresh.splice(0, count);
    return WorkGroup.of(
      batch.map(({ task }) => task),
      now,
    );
  }

  async #run(group: WorkGroup): Promise<void> {
    this.#running++;
    try {
      await this.#attempt(group);
    } finally {
      this.#running--;
      if (this.#running === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      this.#schedule();
    }
  }

  async #attempt(taken: WorkGroup): Promise<void> {
    // Since it was put aside, a delivery may have been denied elsewhere.
    const group = taken.only(taken.paths, taken.attempts, taken.readyAt);
    const parts = [...group.parts];
    if (parts.length === 0) return;
    for (const [task] of parts) task.begin();
    const results = await this.#push(parts.map(([task, paths]) => task.requestFor(paths)));
    for (const [task] of parts) task.end();
    let failed: FailedResult | undefined;
    let moved = false;
    for (const [index, [task, paths]] of parts.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      if (result.status === "denied") {
        const end = task.deny(result, paths);
        if (end !== undefined) this.#settle(task, end);
        continue;
      }
      task.record(result);
      moved ||= result.storePaths.length > 0;
      if (result.status === "failed") failed ??= result;
    }
    if (moved) this.#lastMovedAt = this.#now();
    const left = group.only(group.paths, group.attempts, this.#now());
    if (failed !== undefined) this.#retry(left, failed, moved);
    else this.#keep(left, moved);
    for (const [task] of parts) this.#settleIfDone(task);
  }

  async #push(requests: readonly PushRequest[]): Promise<readonly PushResult[]> {
    try {
      return await this.#options.push(requests);
    } catch (error) {
      // The registry was closed under the queue; the host may give it another.
      this.#options.warn(`A batch was not tried: ${toPushFailure(error).code}`);
      return [];
    }
  }

  /** What was aborted or not tried waits, ever longer and to its deadline; for this lane if it is open, else for the next. */
  #keep(left: WorkGroup, moved: boolean): void {
    if (moved) this.#breaker.succeed();
    if (left.size === 0) return;
    const { random, retry } = this.#options;
    const attempts = left.attempts + 1;
    const delayMs = computeDelay(attempts, retry, random.fraction(), LEAST_REST_MS);
    this.#groups.push(left.only(left.paths, attempts, this.#now() + delayMs));
  }

  #retry(left: WorkGroup, failed: FailedResult, moved: boolean): void {
    const { error } = failed;
    const failure = classifyFailure(error, failed.executions.at(-1));
    const now = this.#now();
    const isAnswered = moved || (error.code === "ERR_PUSH_FAILED" && failure.failureClass !== "unknown");
    if (failure.failureClass === "transient" && !moved) this.#breaker.fail(now);
    else if (isAnswered) this.#breaker.succeed();
    const fraction = this.#options.random.fraction();
    const next = planNext(
      { group: left, error, failure, moved, now, fraction, lastMovedAt: this.#lastMovedAt },
      this.#options.retry,
    );
    for (const path of next.givenUp) for (const task of left.ownersOf(path)) task.fail(path, error);
    for (const group of next.again) {
      for (const path of group.paths)
        for (const task of group.ownersOf(path)) if (task.deadline <= group.readyAt) task.fail(path, error);
    }
    this.#groups.push(...next.again);
  }

  #settleIfDone(task: DeliveryTask): void {
    if (task.remaining.size === 0 && !task.isRunning)
      this.#settle(task, task.toResult() ?? this.#options.explain(task));
  }

  #settle(task: DeliveryTask, result: PushResult): void {
    if (this.#tasks.delete(task)) this.#options.onSettled(task, result);
  }
}
