import type { CacheDefinition } from "../core/cache.ts";
import type { PushError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import type { CacheDecision } from "./cache-catalog.ts";
import { isGoodEnough } from "./is-delivered.ts";
import { LocalStore } from "./local-store.ts";
import type { PathSource } from "./path-source.ts";
import type { PromotionSourceOptions } from "./promotion-source.ts";
import type { PushContext } from "./push-context.ts";
import { toAuditFailure, toEnded } from "./push-failure.ts";
import { type EventContext, emitEvent, PushParticipant } from "./push-participant.ts";
import type { DeniedResult, PushReport, PushResult } from "./push-types.ts";
import type { ReadPushRequest } from "./read-push-request.ts";

/** Loaded lazily, because a host that only decides never pushes. */
const loadCachePush = lateImport(() => import("./cache-push.ts"));
/** Loaded lazily, because most hosts never promote. */
const loadPromotionSource = lateImport(() => import("./promotion-source.ts"));

/** Decides about every requested cache, records the decisions, and pushes to those that allow it. */
export async function runPush(request: ReadPushRequest, context: PushContext): Promise<PushReport> {
  const admitted = await admit(request, context);
  const store = new LocalStore(request.storePaths, context);
  const results = await Promise.all(
    toParts(admitted).map(async (part) => {
      if (part.participant === undefined) return part.result;
      const { pushToCache } = await loadCachePush();
      const { participant, cache } = part;
      const source = (await findSource(request, cache, [participant], context)) ?? store;
      return resultOf(part, await pushToCache(cache, [participant], source, context));
    }),
  );
  return { pushId: admitted.events.eventBase.pushId, ok: results.every(isGoodEnough), results };
}

/**
 * Pushes several requests to one cache together: one command for all paths of a repository, one result for
 * each request in their order. Each is decided and recorded as its own push. Repositories never share a
 * command, because a tool's output names paths and is part of every report.
 */
export async function runSharedPush(
  requests: readonly ReadPushRequest[],
  context: PushContext,
): Promise<readonly PushResult[]> {
  const admitted = await Promise.all(requests.map((request) => admit(request, context)));
  const parts = admitted.flatMap((one) =>
    toParts(one).map((part) => ({ part, request: one.request, kind: toKind(one.request) })),
  );
  const pushed = new Map<PushParticipant, PushResult>();
  for (const [kind, { request }] of new Map(parts.map((one) => [one.kind, one]))) {
    const own = parts.flatMap(({ part, ...one }) => (one.kind === kind ? [part] : []));
    for (const [participant, result] of await pushParts(own, request, context))
      pushed.set(participant, result);
  }
  return parts.map(({ part }) => resultOf(part, pushed));
}

/** Requests share a command if they have the same repository and source of paths. */
function toKind({ repository, from }: ReadPushRequest): string {
  return JSON.stringify([repository, from]);
}

async function pushParts(
  parts: readonly Part[],
  request: ReadPushRequest,
  context: PushContext,
): Promise<ReadonlyMap<PushParticipant, PushResult>> {
  const allowed = parts.filter((part) => part.participant !== undefined);
  const [first] = allowed;
  if (first === undefined) return new Map();
  const { cache } = first;
  const participants = allowed.map(({ participant }) => participant);
  const storePaths = [...new Set(participants.flatMap((participant) => participant.storePaths))];
  const { pushToCache } = await loadCachePush();
  const promoted = await findSource({ from: request.from, storePaths }, cache, participants, context);
  return pushToCache(cache, participants, promoted ?? new LocalStore(storePaths, context), context);
}

/** The cache that the paths are promoted from; nothing if the host has them. */
async function findSource(
  { from, storePaths }: Pick<ReadPushRequest, "from" | "storePaths">,
  target: CacheDefinition,
  participants: readonly PushParticipant[],
  context: PushContext,
): Promise<PathSource | undefined> {
  if (from === undefined) return undefined;
  const found = context.catalog.findPromotion(from, target);
  if (found === undefined) throw new TypeError("A promotion that is allowed has a source");
  const { source: cache, publicKey } = found;
  const emit: PromotionSourceOptions["emit"] = async (event) => {
    await Promise.all(participants.map((participant) => participant.emit(event, cache.id)));
  };
  const { trustedPublicKeys: trustedKeys = [] } = target;
  const { PromotionSource } = await loadPromotionSource();
  return new PromotionSource({ cache, publicKey, trustedKeys, storePaths, context, emit });
}

/** A request whose decisions are recorded. */
interface Admitted {
  readonly request: ReadPushRequest;
  readonly decisions: readonly CacheDecision[];
  readonly events: EventContext;
  /** Why the decisions could not be recorded. */
  readonly failure: PushError | undefined;
}

async function admit(request: ReadPushRequest, context: PushContext): Promise<Admitted> {
  const { catalog, audit, runtime, deadline } = context;
  const decisions = request.caches.map((cacheId) => catalog.decide(cacheId, request, request.from));
  const { repository, ref, commit, job, delivery, from, pushId = runtime.random.uuid() } = request;
  const queued = delivery === undefined ? {} : { deliveryId: delivery.id, attempt: delivery.attempt };
  const promoted = from === undefined ? {} : { promotedFrom: from };
  const eventBase = { pushId, repository, ref, commit, job, ...promoted, ...queued };
  const events: EventContext = { audit, clock: runtime.clock, eventBase, deadline };
  const failure = await recordDecisions(request, decisions, events);
  return { request, decisions, events, failure };
}

/** Records what was decided; if a sink fails, nothing may be pushed. */
async function recordDecisions(
  { drvPath, storePaths }: ReadPushRequest,
  decisions: readonly CacheDecision[],
  events: EventContext,
): Promise<PushError | undefined> {
  try {
    for (const { decision } of decisions) {
      await emitEvent(events, { type: "permission.decided", cacheId: decision.cacheId, decision });
    }
    const caches = decisions.flatMap(({ cache }) => (cache === undefined ? [] : [cache.id]));
    if (caches.length > 0) {
      await emitEvent(events, { type: "push.dispatched", drvPath, caches, storePaths });
    }
    return undefined;
  } catch (error) {
    const { signal } = events.deadline;
    return signal.aborted ? toEnded(signal) : toAuditFailure(error);
  }
}

/** What follows from a decision: a push, or already a result. */
type Part =
  | { readonly participant: PushParticipant; readonly cache: CacheDefinition }
  | { readonly participant?: undefined; readonly result: PushResult };

function toParts({ decisions, failure, events, request }: Admitted): Part[] {
  return decisions.map(({ decision, cache }) => {
    if (cache === undefined) return { result: toDenied(decision, failure) };
    const participant = new PushParticipant(cache, decision, request.storePaths, events);
    return failure === undefined ? { participant, cache } : { result: participant.refuse(failure) };
  });
}

function resultOf(part: Part, pushed: ReadonlyMap<PushParticipant, PushResult>): PushResult {
  const result = part.participant === undefined ? part.result : pushed.get(part.participant);
  if (result === undefined) throw new TypeError("A push has no result");
  return result;
}

function toDenied(decision: DeniedResult["decision"], failure: PushError | undefined): DeniedResult {
  const auditError = failure?.code === "ERR_AUDIT_FAILED" ? failure : undefined;
  return { status: "denied", cacheId: decision.cacheId, decision, auditError };
}
