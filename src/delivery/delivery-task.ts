import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { type AllowDecision, explainDecision } from "../policy/decision.ts";
import { PermissionError } from "../policy/permission-error.ts";
import type { AnyCachesError } from "../registry/any-error.ts";
import type { DeniedResult, ExecutedPush, PushResult, SkippedPath } from "../registry/push-types.ts";
import type { ReadPushRequest } from "../registry/read-push-request.ts";
import { readProgress, writeProgress } from "./delivery-progress.ts";

/** How many runs a result keeps. */
const MAX_EXECUTIONS = 20;

const UNKNOWN = new PushError("ERR_PUSH_FAILED", "An earlier attempt gave the path up");

/** The state of a delivery when its task is created. */
export interface TaskStart {
  readonly id: string;
  readonly ticketId: string;
  readonly cacheId: string;
  readonly request: ReadPushRequest;
  /** When it gives up, in the clock's monotonic milliseconds. */
  readonly deadline: number;
  /** What earlier attempts left. */
  readonly progress?: string | undefined;
  /** The task of the last attempt, if this process created it. It knows more than the journal. */
  readonly earlier?: DeliveryTask | undefined;
}

function move(path: string, from: Set<string>, to: Set<string>): void {
  from.delete(path);
  to.add(path);
}

/**
 * A delivery while a queue works on it: the paths that are still to be pushed, and the outcome of the others.
 */
export class DeliveryTask {
  readonly id: string;
  readonly ticketId: string;
  readonly cacheId: string;
  readonly request: ReadPushRequest;
  readonly deadline: number;
  /** Attempts in a row without progress, before this batch. */
  readonly attempts: number;
  /** Maximum number of paths of a command with its paths. */
  readonly limit: number;
  readonly #remaining: Set<string>;
  readonly #failures = new Map<string, AnyCachesError>();
  /** The paths that the cache had. */
  readonly #present = new Set<string>();
  /** What the cache leaves to an upstream. */
  readonly #upstream: Set<string>;
  /** What rules of the cache leave out. */
  readonly #skipped: Map<string, SkippedPath["reason"]>;
  /** The paths that the host knew to be there. */
  readonly #known = new Set<string>();
  readonly #executions: ExecutionResult[] = [];
  #durationMs = 0;
  #lastError: AnyCachesError | undefined;
  #last: ExecutedPush | undefined;
  #auditError: ExecutedPush["auditError"];
  #denied: DeniedResult | undefined;

  constructor({ id, ticketId, cacheId, request, deadline, progress, earlier }: TaskStart) {
    this.id = id;
    this.ticketId = ticketId;
    this.cacheId = cacheId;
    this.request = request;
    this.deadline = deadline;
    const known = progress === undefined ? undefined : readProgress(progress, request.storePaths);
    this.attempts = known?.attempts ?? 0;
    this.limit = known?.limit ?? Number.POSITIVE_INFINITY;
    this.#remaining = new Set(known?.remaining ?? request.storePaths);
    this.#upstream = new Set(known?.upstream);
    this.#skipped = new Map(known?.skipped.map(({ path, reason }) => [path, reason]));
    for (const path of known?.failed ?? [])
      this.#failures.set(path, earlier?.failures.get(path) ?? known?.error ?? UNKNOWN);
    if (earlier === undefined) return;
    for (const path of earlier.#present) this.#present.add(path);
    for (const path of earlier.#known) this.#known.add(path);
    this.#executions.push(...earlier.#executions);
    this.#durationMs = earlier.#durationMs;
    this.#lastError = earlier.#lastError;
    this.#last = earlier.#last;
    this.#auditError = earlier.#auditError;
  }

  /** Paths that are neither there nor given up. */
  get remaining(): ReadonlySet<string> {
    return this.#remaining;
  }

  /** Paths that were given up, with the reason. */
  get failures(): ReadonlyMap<string, AnyCachesError> {
    return this.#failures;
  }

  /** The status of a delivery whose paths all ended well. */
  get endStatus(): "pushed" | "upstream" | "skipped" {
    const { storePaths } = this.request;
    if (storePaths.every((path) => this.#upstream.has(path))) return "upstream";
    return storePaths.every((path) => this.#upstream.has(path) || this.#skipped.has(path))
      ? "skipped"
      : "pushed";
  }

  /** Why it is denied, if that was before anything was done for it. */
  get denied(): DeniedResult | undefined {
    return this.#denied;
  }

  /** The request for some of its paths. */
  requestFor(storePaths: readonly string[]): ReadPushRequest {
    return this.request.with({ caches: [this.cacheId], storePaths });
  }

  /**
   * Records the result of an attempt. A path that is there but not confirmed is tried again, because its
   * references may be missing.
   *
   * @returns whether the attempt made progress
   */
  record(result: Exclude<PushResult, { readonly status: "denied" }>): boolean {
    for (const path of result.confirmedPaths) this.#remaining.delete(path);
    const before = this.#countMoved();
    for (const { path, reason } of result.skippedPaths) {
      this.#remaining.delete(path);
      // An earlier attempt may have pushed it.
      if (!this.#present.has(path)) this.#skipped.set(path, reason);
    }
    // The last observation counts: the cache may have lost a path meanwhile, or got it from elsewhere.
    for (const path of result.storePaths) move(path, this.#upstream, this.#present);
    for (const path of result.upstreamPaths) move(path, this.#present, this.#upstream);
    for (const path of result.knownPaths ?? []) this.#known.add(path);
    this.#executions.push(...result.executions);
    this.#executions.splice(0, this.#executions.length - MAX_EXECUTIONS);
    this.#durationMs += result.durationMs;
    this.#last = result;
    this.#auditError ??= result.auditError;
    if (result.status === "failed") this.#lastError = result.error;
    return this.#countMoved() > before;
  }

  #countMoved(): number {
    return this.#present.size + this.#upstream.size + this.#skipped.size;
  }

  /** Gives up a path. */
  fail(path: string, error: AnyCachesError): void {
    if (this.#remaining.delete(path)) this.#failures.set(path, error);
  }

  /** Gives up the remaining paths after the deadline. */
  expire(): void {
    const error =
      this.#lastError ?? new PushError("ERR_PUSH_TIMEOUT", "The delivery was not tried before its deadline");
    for (const path of [...this.#remaining]) this.fail(path, error);
  }

  /**
   * Some paths are denied now. If nothing was done for the delivery, it is denied; else these paths have
   * failed.
   */
  deny(denied: DeniedResult, storePaths: readonly string[]): void {
    const untouched = this.#remaining.size + this.#skipped.size;
    const isUntouched = untouched === this.request.storePaths.length && this.#present.size === 0;
    if (isUntouched && storePaths.length === this.#remaining.size) this.#denied = denied;
    const { decision } = denied;
    const error = new PermissionError("ERR_PERMISSION_DENIED", explainDecision(decision), decision);
    for (const path of storePaths) this.fail(path, error);
  }

  /** What the next attempt needs. */
  toProgress(attempts: number, limit: number): string {
    const [error] = this.#failures.values();
    return writeProgress({
      remaining: [...this.#remaining],
      failed: [...this.#failures.keys()],
      upstream: [...this.#upstream],
      skipped: [...this.#skipped].map(([path, reason]) => ({ path, reason })),
      error,
      attempts,
      limit: Number.isFinite(limit) ? limit : undefined,
    });
  }

  /** The final result; nothing if no attempt was made. */
  toResult(): PushResult | undefined {
    if (this.#denied !== undefined) return this.#denied;
    return this.#last === undefined ? undefined : this.#toExecuted(this.#last.decision);
  }

  /** The result of a delivery that policy allows. */
  toAllowedResult(decision: AllowDecision): PushResult {
    return this.toResult() ?? this.#toExecuted(decision);
  }

  #toExecuted(decision: AllowDecision): PushResult {
    const isConfirmed = (path: string): boolean =>
      !this.#remaining.has(path) && !this.#failures.has(path) && !this.#skipped.has(path);
    const isThere = (path: string): boolean =>
      this.#present.has(path) || (isConfirmed(path) && !this.#upstream.has(path));
    const storePaths = this.request.storePaths.filter(isThere);
    const executed: ExecutedPush = {
      cacheId: this.cacheId,
      decision,
      storePaths,
      confirmedPaths: this.request.storePaths.filter(isConfirmed),
      upstreamPaths: this.request.storePaths.filter((path) => this.#upstream.has(path)),
      skippedPaths: [...this.#skipped].map(([path, reason]) => ({ path, reason })),
      executions: this.#executions,
      durationMs: this.#durationMs,
      upload: this.#last?.upload,
      signedBy: this.#last?.signedBy,
      fingerprint: this.#last?.fingerprint,
      ...(this.#known.size === 0 ? {} : { knownPaths: [...this.#known] }),
      auditError: this.#auditError,
    };
    const [error] = this.#failures.values();
    if (error !== undefined) return { ...executed, status: "failed", error };
    if (this.#remaining.size > 0) return { ...executed, status: "aborted" };
    return { ...executed, status: this.endStatus };
  }
}
