import type { CachesErrorCode } from "../core/error-codes.ts";
import type { FailureClass } from "../execution/failure.ts";
import type { Clock, Random } from "../host/runtime.ts";
import type { FailedResult, PushResult } from "../registry/push-types.ts";
import type { ReadPushRequest } from "../registry/read-push-request.ts";
import { computeDelay } from "./backoff.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { classifyFailure } from "./classify-failure.ts";
import type { DeliveryTask } from "./delivery-task.ts";
import { planNext, type RetryPolicy } from "./retry-policy.ts";
import { WorkGroup } from "./work-group.ts";

/** What a run needs. */
export interface BatchRunContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryPolicy;
  /** Maximum number of paths of a command. */
  readonly maxBatchPaths: number;
  readonly breaker: CircuitBreaker;
  /** Called after each attempt with whether it failed because the host was short of something. */
  readonly onAttempt: (isHostShort: boolean) => void;
  /** Aborts the run: the lease is lost, or the queue closes. */
  readonly signal: AbortSignal;
  /** Pushes requests together: a result for each, in their order; none if nothing was tried. */
  readonly push: (requests: readonly ReadPushRequest[]) => Promise<readonly PushResult[]>;
}

/** How a task leaves its batch. */
export type TaskEnd =
  | { readonly task: DeliveryTask; readonly status: "settled" | "released" }
  | {
      readonly task: DeliveryTask;
      readonly status: "retry";
      readonly inMs: number;
      readonly progress: string;
      /** Why; absent if nothing failed. */
      readonly failure?: AttemptFailure | undefined;
    };

/** Why an attempt is repeated. */
export interface AttemptFailure {
  readonly failureClass: FailureClass;
  readonly code: CachesErrorCode;
}

/** How many attempts one batch may hold its cache; then others have their turn. */
const MAX_ATTEMPTS_A_HOLD = 16;
/** How long an aborted attempt rests at least. */
const LEAST_REST_MS = 1_000;

/** When and how the paths of a task that wait for another batch may be tried. */
interface Postponed {
  readonly readyAt: number;
  readonly attempts: number;
  readonly limit: number;
  readonly failure?: AttemptFailure | undefined;
}

/**
 * One batch, from its lease to the last verdict. Its paths are pushed in one command, or in halves if one may
 * spoil the others. What has to wait goes back to the journal.
 */
export class BatchRun {
  readonly #context: BatchRunContext;
  readonly #open: Set<DeliveryTask>;
  readonly #postponed = new Map<DeliveryTask, Postponed>();
  #groups: WorkGroup[];
  #lastMovedAt: number | undefined;

  constructor(tasks: readonly DeliveryTask[], context: BatchRunContext) {
    this.#context = context;
    this.#open = new Set(tasks);
    this.#groups = gather(tasks, context.maxBatchPaths, context.clock.monotonic());
  }

  /** Runs the batch. Each step yields the tasks that have left it. */
  async *run(): AsyncGenerator<readonly TaskEnd[], void> {
    yield this.#takeEnded();
    for (let attempt = 0; attempt < MAX_ATTEMPTS_A_HOLD; attempt++) {
      const [group] = this.#groups;
      if (group === undefined || !this.#mayTry(group)) break;
      this.#groups.shift();
      await this.#attempt(group);
      yield this.#takeEnded();
    }
    yield this.#takeLeft();
  }

  #now(): number {
    return this.#context.clock.monotonic();
  }

  /**
   * A half of a search for the refused path is tried even if the cache seems to be away, because others may
   * get through.
   */
  #mayTry({ probe }: WorkGroup): boolean {
    const { signal, breaker } = this.#context;
    return !signal.aborted && (probe !== undefined || breaker.allows(this.#now(), 0));
  }

  async #attempt(taken: WorkGroup): Promise<void> {
    // A path may have been denied elsewhere since it was put aside.
    const group = taken.only(taken.paths, taken.attempts, taken.readyAt);
    const parts = [...group.parts];
    if (parts.length === 0) return;
    const results = await this.#context.push(parts.map(([task, paths]) => task.requestFor(paths)));
    let failed: FailedResult | undefined;
    let moved = false;
    for (const [index, [task, paths]] of parts.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      if (result.status === "denied") {
        task.deny(result, paths);
        continue;
      }
      if (task.record(result)) moved = true;
      if (result.status === "failed") failed ??= result;
    }
    if (moved) this.#lastMovedAt = this.#now();
    this.#context.onAttempt(failed?.error.code === "ERR_HOST_EXHAUSTED");
    const left = group.only(group.paths, group.attempts, this.#now());
    if (failed !== undefined) this.#retry(left, failed, moved);
    else this.#rest(left, moved);
  }

  /** What was aborted or not tried waits with growing pauses, until its deadline. */
  #rest(left: WorkGroup, moved: boolean): void {
    const { random, retry, breaker } = this.#context;
    if (moved) breaker.succeed();
    if (left.size === 0) return;
    const attempts = left.attempts + 1;
    const readyAt = this.#now() + computeDelay(attempts, retry, random.fraction(), LEAST_REST_MS);
    this.#postpone(left.only(left.paths, attempts, readyAt), Number.POSITIVE_INFINITY);
  }

  #retry(left: WorkGroup, failed: FailedResult, moved: boolean): void {
    const { error } = failed;
    const { breaker, random, retry } = this.#context;
    const failure = classifyFailure(error, failed.executions.at(-1));
    const now = this.#now();
    const isAnswered = moved || (error.code === "ERR_PUSH_FAILED" && failure.failureClass !== "unknown");
    const isRefusedWhole = failure.failureClass === "credentials" && failure.isWholeServer;
    // A shortage of this host says nothing about the cache.
    const isHostShort = error.code === "ERR_HOST_EXHAUSTED";
    if ((failure.failureClass === "transient" || isRefusedWhole) && !moved && !isHostShort) breaker.fail(now);
    else if (isAnswered) breaker.succeed();
    const fraction = random.fraction();
    const next = planNext(
      { group: left, error, failure, moved, now, fraction, lastMovedAt: this.#lastMovedAt },
      retry,
    );
    for (const path of next.givenUp) for (const task of left.ownersOf(path)) task.fail(path, error);
    for (const group of next.again) {
      // A half that waits for its sibling waits here. What waits for the server releases the cache for
      // others.
      if (group.readyAt <= now || group.probe !== undefined) this.#groups.push(group);
      else {
        for (const [task, paths] of group.parts)
          if (task.deadline <= group.readyAt) for (const path of paths) task.fail(path, error);
        const limit = next.again.length > 1 ? group.size : Number.POSITIVE_INFINITY;
        this.#postpone(group, limit, { failureClass: failure.failureClass, code: error.code });
      }
    }
  }

  /** @param limit - maximum number of paths of the next command with paths of the group */
  #postpone(group: WorkGroup, limit: number, failure?: AttemptFailure): void {
    for (const task of group.parts.keys()) {
      const known = this.#postponed.get(task);
      this.#postponed.set(task, {
        readyAt: Math.max(known?.readyAt ?? 0, group.readyAt),
        attempts: Math.max(known?.attempts ?? 0, group.attempts),
        limit: Math.min(known?.limit ?? Number.POSITIVE_INFINITY, limit, task.limit),
        failure: failure ?? known?.failure,
      });
    }
  }

  /** Removes the tasks that are finished in this batch. */
  #takeEnded(): readonly TaskEnd[] {
    const busy = new Set(this.#groups.flatMap((group) => [...group.parts.keys()]));
    return this.#end([...this.#open].filter((task) => task.remaining.size === 0 || !busy.has(task)));
  }

  /** Removes the other tasks when the batch gives up its cache. */
  #takeLeft(): readonly TaskEnd[] {
    for (const group of this.#groups) this.#postpone(group.only(group.paths, group.attempts, 0), group.size);
    this.#groups = [];
    return this.#end([...this.#open]);
  }

  #end(tasks: readonly DeliveryTask[]): readonly TaskEnd[] {
    return tasks.map((task) => {
      this.#open.delete(task);
      if (task.remaining.size === 0) return { task, status: "settled" };
      const postponed = this.#postponed.get(task);
      const isUntouched = task.remaining.size === task.request.storePaths.length;
      if (postponed === undefined || (this.#context.signal.aborted && isUntouched && task.attempts === 0))
        return { task, status: "released" };
      const { readyAt, attempts, limit, failure } = postponed;
      // A delivery waits at most until its deadline; then it is given up.
      const inMs = Math.max(0, Math.min(readyAt, task.deadline) - this.#now());
      return { task, status: "retry", inMs, progress: task.toProgress(attempts, limit), failure };
    });
  }
}

/** Groups tasks into commands, in order. */
function gather(tasks: readonly DeliveryTask[], maxBatchPaths: number, now: number): WorkGroup[] {
  const groups: WorkGroup[] = [];
  let gathered: DeliveryTask[] = [];
  let size = 0;
  let limit = maxBatchPaths;
  const close = (): void => {
    if (gathered.length > 0) groups.push(...toGroups(gathered, limit, now));
    [gathered, size, limit] = [[], 0, maxBatchPaths];
  };
  for (const task of tasks) {
    const count = task.remaining.size;
    if (count === 0) continue;
    if (size + count > Math.min(limit, task.limit) && gathered.length > 0) close();
    gathered.push(task);
    size += count;
    limit = Math.min(limit, task.limit);
  }
  close();
  return groups;
}

/**
 * A task with more paths than its last command is split further. A task of a large request stays whole,
 * because the registry batches it.
 */
function toGroups(tasks: readonly DeliveryTask[], limit: number, now: number): readonly WorkGroup[] {
  const attempts = Math.max(...tasks.map((task) => task.attempts));
  const whole = WorkGroup.of(tasks, now);
  const bound = tasks.some((task) => Number.isFinite(task.limit)) ? Math.max(1, limit) : whole.size;
  const groups: WorkGroup[] = [];
  for (let start = 0; start < whole.size; start += bound)
    groups.push(whole.only(whole.paths.slice(start, start + bound), attempts, now));
  return groups;
}
