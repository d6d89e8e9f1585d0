import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditEvent, AuditEventBase } from "../audit/event.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { Without } from "../core/without.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { Deadline } from "../host/deadline.ts";
import type { Clock } from "../host/runtime.ts";
import type { AllowDecision } from "../policy/decision.ts";
import type { AnyCachesError } from "./any-error.ts";
import { isTolerated } from "./is-delivered.ts";
import { toAuditFailure } from "./push-failure.ts";
import type { PushResult, SkippedPath, UploadWay } from "./push-types.ts";

type ExecutedResult = Exclude<PushResult, { readonly status: "denied" }>;

type CacheEvent = Extract<AuditEvent, { readonly cacheId: string }>;

/** What the events of one request need. */
export interface EventContext {
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly eventBase: Omit<AuditEventBase, "time">;
  readonly deadline: Deadline;
}

/** How long the end of a push may take to be recorded when its time is over, in milliseconds. */
const LAST_WORDS_MS = 3_000;
/**
 * The time by which everything has ended after that, even if an executor ignored the signal. The end always
 * gets a moment.
 */
const GRACE_MS = 7_000;
const LEAST_MS = 400;

/** Stamps an event and delivers it before the push's deadline. */
export function emitEvent(
  { audit, clock, eventBase, deadline }: EventContext,
  event: Without<AuditEvent, keyof AuditEventBase>,
): Promise<void> {
  return audit.emit({ ...event, ...eventBase, time: toTime(clock) }, deadline.signal);
}

/** Stamps an event and delivers it even after the deadline. */
function emitLast(
  { audit, clock, eventBase, deadline }: EventContext,
  event: Without<AuditEvent, keyof AuditEventBase>,
): Promise<void> {
  const { remainingMs } = deadline;
  const lastMs = Math.max(LEAST_MS, Math.min(LAST_WORDS_MS, GRACE_MS + remainingMs));
  const timeoutMs = Math.max(remainingMs, lastMs);
  return audit.emit({ ...event, ...eventBase, time: toTime(clock) }, undefined, timeoutMs);
}

function toTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}

/** How the push to a cache ended, for all its requests. */
export interface SharedEnd {
  /**
   * The paths that a successful command pushed, and that the cache has confirmed or leaves to an upstream.
   */
  readonly confirmed: ReadonlySet<string>;
  /** The paths that the cache says it has. */
  readonly present: ReadonlySet<string>;
  /** The paths that the cache leaves to an upstream. */
  readonly upstream: ReadonlySet<string>;
  /** The paths that rules of the cache leave out. */
  readonly skipped: ReadonlyMap<string, SkippedPath["reason"]>;
  /**
   * The requests whose closure breaks a rule of the cache, or whose paths could not be pinned.
   */
  readonly refused: ReadonlyMap<PushParticipant, AnyCachesError>;
  /** Why some are not confirmed; absent if all are. */
  readonly error: AnyCachesError | undefined;
  readonly executions: readonly ExecutionResult[];
  readonly upload?: UploadWay | undefined;
  /** Name of the key that signed what was uploaded. */
  readonly signedBy?: string | undefined;
  /** The runs that pinned paths of a request. */
  readonly pins: ReadonlyMap<PushParticipant, readonly ExecutionResult[]>;
  /** Identifies the cache as it was configured; absent if it was not asked. */
  readonly fingerprint?: string | undefined;
  /** The paths that were already known to be there. */
  readonly known: ReadonlySet<string>;
  readonly durationMs: number;
}

/** One request in a push to a cache, which several requests may share. */
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

  /** The facts of the request that name its pins. */
  get about(): Pick<AuditEventBase, "repository" | "ref" | "job"> {
    return this.#events.eventBase;
  }

  /**
   * Delivers an event about this request. @param cacheId - the cache of the event; default the target
   */
  emit(
    event: Without<CacheEvent, keyof AuditEventBase | "cacheId">,
    cacheId = this.#cache.id,
  ): Promise<void> {
    return emitEvent(this.#events, { ...event, cacheId });
  }

  /** Records and returns how it ended for this request. */
  async finish(end: SharedEnd): Promise<PushResult> {
    const error = this.#findError(end);
    const result = this.#toResult(end, error);
    return { ...result, auditError: await this.#recordEnd(result, error) };
  }

  /** Failures of other requests are left out. */
  #findError({ confirmed, skipped, refused, error }: SharedEnd): AnyCachesError | undefined {
    const refusal = refused.get(this);
    if (refusal !== undefined) return refusal;
    if (this.storePaths.length === 0)
      return new CommandError("ERR_STORE_PATH_INVALID", "There is no store path to push");
    if (this.storePaths.every((path) => confirmed.has(path) || skipped.has(path))) return undefined;
    return error ?? new PushError("ERR_PUSH_UNVERIFIED", "The push was not confirmed");
  }

  /** The result of a request whose beginning could not be recorded: nothing was done for it. */
  refuse(error: AnyCachesError): PushResult {
    return this.#toResult(
      {
        ...{ confirmed: new Set(), present: new Set(), upstream: new Set(), skipped: new Map() },
        ...{ refused: new Map(), error, executions: [], known: new Set(), pins: new Map(), durationMs: 0 },
      },
      error,
    );
  }

  async #recordEnd(
    result: ExecutedResult,
    error: AnyCachesError | undefined,
  ): Promise<PushError | undefined> {
    const exitCode = result.executions.at(-1)?.exitCode ?? undefined;
    const failure = error === undefined ? {} : { code: error.code, message: error.message };
    const { durationMs, status } = result;
    try {
      const { id: cacheId } = this.#cache;
      await emitLast(this.#events, {
        ...{ type: "push.finished", cacheId, status, durationMs, exitCode },
        ...failure,
      });
      return undefined;
    } catch (auditFailure) {
      return toAuditFailure(auditFailure);
    }
  }

  #toResult(end: SharedEnd, error: AnyCachesError | undefined): ExecutedResult {
    const { durationMs, present, confirmed, upstream, skipped, upload, signedBy } = end;
    const { fingerprint } = end;
    const own = end.pins.get(this) ?? [];
    // The last run tells why it failed, and how.
    const isUnpinned = end.error === undefined || end.refused.has(this);
    const executions = isUnpinned ? [...end.executions, ...own] : [...own, ...end.executions];
    const knownPaths = this.storePaths.filter((path) => end.known.has(path));
    const executed = {
      cacheId: this.#cache.id,
      decision: this.#decision,
      storePaths: this.storePaths.filter((path) => present.has(path)),
      // A refused request stays refused, even if others pushed its paths.
      confirmedPaths: end.refused.has(this) ? [] : this.storePaths.filter((path) => confirmed.has(path)),
      upstreamPaths: this.storePaths.filter((path) => upstream.has(path)),
      skippedPaths: this.storePaths.flatMap((path) => {
        const reason = skipped.get(path);
        return reason === undefined ? [] : [{ path, reason }];
      }),
      ...{ executions, durationMs, upload, signedBy, fingerprint },
      ...(knownPaths.length === 0 ? {} : { knownPaths }),
    };
    if (error?.code === "ERR_PUSH_ABORTED") return { ...executed, status: "aborted" };
    if (error !== undefined) {
      return { ...executed, status: "failed", error, isTolerated: isTolerated(error, this.#cache) };
    }
    if (this.storePaths.every((path) => upstream.has(path))) return { ...executed, status: "upstream" };
    const isLeftOut = this.storePaths.every((path) => upstream.has(path) || skipped.has(path));
    return { ...executed, status: isLeftOut ? "skipped" : "pushed" };
  }
}
