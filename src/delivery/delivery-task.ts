import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { type AllowDecision, explainDecision } from "../policy/decision.ts";
import { PermissionError } from "../policy/permission-error.ts";
import type { AnyCachesError } from "../registry/any-error.ts";
import type { DeniedResult, ExecutedPush, PushRequest, PushResult } from "../registry/push-types.ts";
import type { Delivery } from "./push-journal.ts";

/** How many runs a result keeps; the others are counted by nobody. */
const MAX_EXECUTIONS = 20;

/** A delivery while a lane works on it: which paths are still to go, and what became of the others. */
export class DeliveryTask {
  readonly delivery: Delivery;
  /** When it gives up, in the clock's monotonic milliseconds. */
  readonly deadline: number;
  readonly decision: AllowDecision | undefined;
  readonly #remaining: Set<string>;
  readonly #failures = new Map<string, AnyCachesError>();
  readonly #executions: ExecutionResult[] = [];
  #durationMs = 0;
  #attempts = 0;
  #lastError: AnyCachesError | undefined;
  #last: ExecutedPush | undefined;
  #auditError: ExecutedPush["auditError"];

  /** @param decision - why it was accepted; absent for one from before */
  constructor(delivery: Delivery, deadline: number, decision: AllowDecision | undefined) {
    this.delivery = delivery;
    this.decision = decision;
    this.deadline = deadline;
    this.#remaining = new Set(delivery.request.storePaths);
  }

  /** Paths that are neither there nor given up. */
  get remaining(): ReadonlySet<string> {
    return this.#remaining;
  }

  /** Paths that were given up, with the reason. */
  get failures(): ReadonlyMap<string, AnyCachesError> {
    return this.#failures;
  }

  /** Whether an attempt is under way. */
  get isRunning(): boolean {
    return this.#attempts > 0;
  }

  /** An attempt begins; halves of a delivery may be tried at once. */
  begin(): void {
    this.#attempts++;
  }

  /** An attempt ended. */
  end(): void {
    this.#attempts--;
  }

  /** The request for some of its paths. */
  requestFor(storePaths: Iterable<string>): PushRequest {
    return { ...this.delivery.request, caches: [this.delivery.cacheId], storePaths: [...storePaths] };
  }

  /** Takes what came of an attempt. */
  record(result: Exclude<PushResult, { readonly status: "denied" }>): void {
    for (const path of result.storePaths) this.#remaining.delete(path);
    this.#executions.push(...result.executions);
    this.#executions.splice(0, this.#executions.length - MAX_EXECUTIONS);
    this.#durationMs += result.durationMs;
    this.#last = result;
    this.#auditError ??= result.auditError;
    if (result.status === "failed") this.#lastError = result.error;
  }

  /** Gives a path up. */
  fail(path: string, error: AnyCachesError): void {
    if (this.#remaining.delete(path)) this.#failures.set(path, error);
  }

  /** Gives up what remains, since its time is over. */
  expire(): void {
    const error =
      this.#lastError ?? new PushError("ERR_PUSH_TIMEOUT", "The delivery was not tried before its deadline");
    for (const path of [...this.#remaining]) this.fail(path, error);
  }

  /**
   * Some paths are denied now. Where nothing was done for the delivery and nothing is under way, all of it is; else what was done stays
   * done, and these paths have failed.
   *
   * @returns what is reported, if that is the end
   */
  deny(denied: DeniedResult, storePaths: readonly string[]): PushResult | undefined {
    const isUntouched = this.#remaining.size === this.delivery.request.storePaths.length;
    if (isUntouched && !this.isRunning) {
      this.#remaining.clear();
      return denied;
    }
    const { decision } = denied;
    const error = new PermissionError("ERR_PERMISSION_DENIED", explainDecision(decision), decision);
    for (const path of storePaths) this.fail(path, error);
    return undefined;
  }

  /** What is reported in the end; nothing if no attempt was made. */
  toResult(): PushResult | undefined {
    if (this.#last === undefined) return undefined;
    const { request } = this.delivery;
    const executed: ExecutedPush = {
      cacheId: this.delivery.cacheId,
      decision: this.#last.decision,
      storePaths: request.storePaths.filter(
        (path) => !this.#remaining.has(path) && !this.#failures.has(path),
      ),
      executions: this.#executions,
      durationMs: this.#durationMs,
      auditError: this.#auditError,
    };
    const [error] = this.#failures.values();
    if (error !== undefined) return { ...executed, status: "failed", error };
    return { ...executed, status: this.#remaining.size === 0 ? "pushed" : "aborted" };
  }
}
