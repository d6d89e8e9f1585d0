import type { AuditLog } from "../audit/audit-log.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { PushError } from "../errors.ts";
import type { Executor } from "../execution/executor.ts";
import type { Runtime } from "../runtime.ts";
import type { CacheCatalog, CacheDecision } from "./cache-catalog.ts";
import { emitEvent, type PushContext, pushToCache } from "./cache-push.ts";
import { copyRequest } from "./copy-request.ts";
import { toAborted, toAuditFailure } from "./outcome.ts";
import type { HostPaths } from "./plan.ts";
import type { PushOptions, PushReport, PushRequest, PushResult } from "./push-types.ts";
import { checkValidity } from "./validity.ts";

/** What {@link runPush} works with. */
export interface RunPushContext {
  readonly catalog: CacheCatalog;
  readonly audit: AuditLog;
  readonly executor: Executor;
  readonly resolver: CredentialResolver;
  readonly runtime: Runtime;
  readonly host: HostPaths;
  readonly timeoutMs: number;
  readonly onOutput: PushOptions["onOutput"];
  readonly signal: AbortSignal;
}

/** Decides for every requested cache, records that, and pushes where it is allowed. */
export async function runPush(asked: PushRequest, context: RunPushContext): Promise<PushReport> {
  const pushId = context.runtime.random.uuid();
  const { request, problem } = copyRequest(asked);
  const decisions = request.caches.map((cacheId) =>
    problem === undefined
      ? context.catalog.decide(cacheId, request)
      : context.catalog.refuse(cacheId, problem),
  );
  const shared = toSharedContext(request, pushId, context);
  const auditFailure = await recordDecisions(request, decisions, shared);
  const results = await Promise.all(decisions.map((decision) => settle(decision, auditFailure, shared)));
  return { pushId, ok: results.every(isRecordedPush), results };
}

function isRecordedPush(result: PushResult): boolean {
  return result.status === "pushed" && result.auditError === undefined;
}

function toSharedContext(request: PushRequest, pushId: string, context: RunPushContext): PushContext {
  const { repository, ref, commit, job, storePaths } = request;
  let validity: Promise<void> | undefined;
  const check = async (): Promise<void> => {
    const { executor, host, runtime, timeoutMs, signal } = context;
    const { storeDirectory } = host;
    const paths = checkStorePaths(storePaths, host);
    await checkValidity(paths, { executor, clock: runtime.clock, storeDirectory, timeoutMs, signal });
  };
  return {
    ...context,
    storePaths,
    eventBase: { pushId, repository, ref, commit, job },
    checkValidity: () => {
      validity ??= check();
      return validity;
    },
  };
}

/** Records what was decided; if a sink fails, nothing may be pushed. */
async function recordDecisions(
  { drvPath, storePaths }: PushRequest,
  decisions: readonly CacheDecision[],
  context: PushContext,
): Promise<PushError | undefined> {
  const { signal } = context;
  try {
    for (const { decision } of decisions) {
      await emitEvent(context, { type: "permission.decided", cacheId: decision.cacheId, decision }, signal);
    }
    const caches = decisions.flatMap(({ cache }) => (cache === undefined ? [] : [cache.id]));
    if (caches.length > 0) {
      await emitEvent(context, { type: "push.dispatched", drvPath, caches, storePaths }, signal);
    }
    return undefined;
  } catch (error) {
    return signal.aborted ? toAborted() : toAuditFailure(error);
  }
}

async function settle(
  decided: CacheDecision,
  failure: PushError | undefined,
  context: PushContext,
): Promise<PushResult> {
  const { decision, cache } = decided;
  const isAbort = failure?.code === "ERR_PUSH_ABORTED";
  if (cache === undefined) {
    return {
      status: "denied",
      cacheId: decision.cacheId,
      decision,
      auditError: isAbort ? undefined : failure,
    };
  }
  if (failure === undefined) return pushToCache(cache, decision, context);
  const nothing = { cacheId: cache.id, decision, storePaths: [], executions: [], durationMs: 0 };
  return isAbort ? { ...nothing, status: "aborted" } : { ...nothing, status: "failed", error: failure };
}
