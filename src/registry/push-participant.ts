import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditEvent, AuditEventBase } from "../audit/event.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { CommandError, type PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { Clock } from "../host/runtime.ts";
import type { AllowDecision } from "../policy/decision.ts";
import type { AnyCachesError } from "./any-error.ts";
import { toAuditFailure } from "./push-failure.ts";
import type { PushResult } from "./push-types.ts";

/** `Omit` for each member of a union. */
type Without<Event, Key extends PropertyKey> = Event extends unknown ? Omit<Event, Key> : never;

type CacheEvent = Extract<AuditEvent, { readonly cacheId: string }>;

/** What the events of one request need. */
export interface EventContext {
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly eventBase: Omit<AuditEventBase, "time">;
}

/**
 * Stamps an event and delivers it.
 *
 * @param signal - ends the waiting for sinks; left out for what must be recorded in any case
 */
export function emitEvent(
  { audit, clock, eventBase }: EventContext,
  event: Without<AuditEvent, keyof AuditEventBase>,
  signal?: AbortSignal,
): Promise<void> {
  return audit.emit({ ...event, ...eventBase, time: new Date(clock.now()).toISOString() }, signal);
}

/** How the push to a cache ended, for all who took part in it. */
export interface SharedEnd {
  /** Why not every path is there; absent if all are. */
  readonly error: AnyCachesError | undefined;
  /** The paths that are there. */
  readonly present: ReadonlySet<string>;
  readonly executions: readonly ExecutionResult[];
  readonly durationMs: number;
}

/** One request's part in a push to a cache, which several requests may share. */
export class PushParticipant {
  readonly storePaths: readonly string[];
  readonly #cache: CacheDefinition;
  readonly #decision: AllowDecision;
  readonly #events: EventContext;

  constructor(
    cache: CacheDefinition,
    decision: AllowDecision,
    storePaths: readonly string[],
    events: EventContext,
  ) {
    this.#cache = cache;
    this.#decision = decision;
    this.storePaths = storePaths;
    this.#events = events;
  }

  /** Delivers an event about this request at this cache. */
  emit(event: Without<CacheEvent, keyof AuditEventBase | "cacheId">, signal?: AbortSignal): Promise<void> {
    return emitEvent(this.#events, { ...event, cacheId: this.#cache.id }, signal);
  }

  /** Records how it ended for this request, and says so. */
  async finish(end: SharedEnd): Promise<PushResult> {
    const storePaths = this.storePaths.filter((path) => end.present.has(path));
    const error = this.#findError(end, storePaths);
    return this.#toResult(end, error, storePaths, await this.#recordEnd(end, error));
  }

  /** What failed for others, and not for this request, is none of its business. */
  #findError({ error }: SharedEnd, storePaths: readonly string[]): AnyCachesError | undefined {
    if (this.storePaths.length === 0)
      return new CommandError("ERR_STORE_PATH_INVALID", "There is no store path to push");
    return storePaths.length === this.storePaths.length ? undefined : error;
  }

  /** What is said of a request whose beginning could not be recorded: nothing was done for it. */
  refuse(error: AnyCachesError): PushResult {
    const nothing: SharedEnd = { error, present: new Set(), executions: [], durationMs: 0 };
    return this.#toResult(nothing, error, [], undefined);
  }

  async #recordEnd(end: SharedEnd, error: AnyCachesError | undefined): Promise<PushError | undefined> {
    const exitCode = end.executions.at(-1)?.exitCode ?? undefined;
    const failure = error === undefined ? {} : { code: error.code, message: error.message };
    const { durationMs } = end;
    try {
      await this.emit({ type: "push.finished", status: toStatus(error), durationMs, exitCode, ...failure });
      return undefined;
    } catch (auditFailure) {
      return toAuditFailure(auditFailure);
    }
  }

  #toResult(
    { executions, durationMs }: SharedEnd,
    error: AnyCachesError | undefined,
    storePaths: readonly string[],
    auditError: PushError | undefined,
  ): PushResult {
    const { id: cacheId } = this.#cache;
    const executed = { cacheId, decision: this.#decision, storePaths, executions, durationMs, auditError };
    const status = toStatus(error);
    return error !== undefined && status === "failed"
      ? { ...executed, status, error }
      : { ...executed, status: error === undefined ? "pushed" : "aborted" };
  }
}

function toStatus(error: AnyCachesError | undefined): "pushed" | "failed" | "aborted" {
  if (error === undefined) return "pushed";
  return error.code === "ERR_PUSH_ABORTED" ? "aborted" : "failed";
}
