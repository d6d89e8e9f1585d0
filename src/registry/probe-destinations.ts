import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { buildAddFileCommand } from "../commands/add-file.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { PushError } from "../core/errors.ts";
import type { Credentials } from "../credentials/provider.ts";
import { classifyAnswer } from "../execution/failure.ts";
import { runCommand } from "../execution/run-command.ts";
import type { AllowDecision } from "../policy/decision.ts";
import { CACHE_INFO, isCacheInfo } from "../upload/ask-binary-cache.ts";
import { pushToCache } from "./cache-push.ts";
import type { CacheCheck, CacheProbe, CheckOptions, CheckReport } from "./check-types.ts";
import { LocalStore } from "./local-store.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import { type EventContext, emitEvent, PushParticipant } from "./push-participant.ts";
import type { PushResult } from "./push-types.ts";
import { withBinaryCache } from "./with-binary-cache.ts";

/** How long a destination may take to answer, in milliseconds. */
const READ_TIMEOUT_MS = 15_000;
/** Longest first file that is read, in bytes; that of Nix has some fifty. */
const MAX_BYTES = 64 * 1024;
/** Name of the path that is pushed. */
const NAME = "eka-caches-probe";
/** Used as the repository in audit events; no repository can have this name. */
const NOBODY = "(operator probe)";

/** Asks the destinations of the caches that passed the check. */
export async function probeCaches(
  report: CheckReport,
  access: NonNullable<CheckOptions["probe"]>,
  context: PushContext,
): Promise<CheckReport> {
  const isWrite = access === "write" && report.caches.some(({ ok }) => ok);
  const adding = isWrite ? addProbePath(context) : undefined;
  // Each cache reports it.
  adding?.catch(() => undefined);
  const probe = async (entry: CacheCheck): Promise<CacheCheck> => {
    const cache = context.catalog.find(entry.cacheId);
    if (!entry.ok || cache === undefined) return entry;
    try {
      const found =
        adding === undefined
          ? await readCacheInfo(cache, context)
          : await pushProbe(cache, await adding, context);
      return { ...entry, probe: found };
    } catch (error) {
      const { signal } = context.deadline;
      return { ...entry, ok: false, error: signal.aborted ? toEnded(signal) : toPushFailure(error) };
    }
  };
  const caches = await Promise.all(report.caches.map(probe));
  return { ...report, ok: [...report.tools, ...caches].every(({ ok }) => ok), caches };
}

/** @throws {@link PushError} `ERR_PROBE_REFUSED`, `ERR_PROBE_UNANSWERED`, `ERR_CACHE_INCOMPATIBLE` */
async function readCacheInfo(cache: CacheDefinition, context: PushContext): Promise<CacheProbe> {
  const { destination } = cache;
  const credentials = await context.resolver.resolve(cache.credentials, { signal: context.deadline.signal });
  const bounds = { maxConnections: 1, timeoutMs: READ_TIMEOUT_MS };
  const found = await withBinaryCache(
    { destination, credentials },
    context,
    bounds,
    async (asked, signal) => ({
      answer: await asked.get(CACHE_INFO, { maxBytes: MAX_BYTES, signal }),
    }),
  ).catch((error: unknown) => {
    throw toProbeError(error, credentials);
  });
  if (found === undefined) return { access: "read", finding: "not-asked" };
  if (found.answer !== undefined) {
    if (isCacheInfo(found.answer, context.host)) return { access: "read", finding: "there" };
    const message = `The server answers ${CACHE_INFO}, but not as a binary cache; check the destination`;
    throw new PushError("ERR_CACHE_INCOMPATIBLE", message);
  }
  // The servers of Cachix and Attic write the file themselves.
  if (destination.type === "s3" || destination.type === "http") return { access: "read", finding: "empty" };
  const message = "There is no such cache on the server, or the credentials may not see it";
  throw new PushError("ERR_PROBE_REFUSED", message);
}

function toProbeError(error: unknown, { env }: Credentials): unknown {
  if (!(error instanceof CacheAnswerError)) {
    const isOver = error instanceof Error && error.name === "AbortError";
    return isOver ? new PushError("ERR_PROBE_UNANSWERED", "The destination did not answer in time") : error;
  }
  const { answer, message } = error;
  if (classifyAnswer(answer).failureClass === "transient")
    return new PushError("ERR_PROBE_UNANSWERED", message);
  return new PushError("ERR_PROBE_REFUSED", `${message}; ${explainRefusal(answer.status, env.size > 0)}`);
}

function explainRefusal(status: number | undefined, hasCredentials: boolean): string {
  if (status === 401 || status === 403)
    return hasCredentials
      ? "the credentials are refused, or may not read here (a write probe tells whether they may push)"
      : "the destination asks for credentials";
  return "check the destination";
}

/** Adds a new path to the Nix store. No cache has it, so it must be pushed. */
async function addProbePath(context: PushContext): Promise<string> {
  const { clock, random } = context.runtime;
  const text = `Made by a probe of eka-caches at ${new Date(clock.now()).toISOString()} (${random.uuid()}).\nIt can be removed.\n`;
  const { result, error } = await runCommand(buildAddFileCommand(NAME, text), toRunOptions(context));
  if (error !== undefined || result === undefined) throw error;
  const [storePath = ""] = result.stdout.trim().split("\n");
  parseStorePath(storePath, context.host);
  return storePath;
}

async function pushProbe(
  cache: CacheDefinition,
  storePath: string,
  context: PushContext,
): Promise<CacheProbe> {
  const { audit, runtime, deadline } = context;
  const eventBase = { pushId: runtime.random.uuid(), repository: NOBODY, job: "probe" };
  const events: EventContext = { audit, clock: runtime.clock, eventBase, deadline };
  const { id: cacheId } = cache;
  const decision: AllowDecision = { effect: "allow", cacheId, reason: "operator-probe", matched: [] };
  await emitEvent(events, { type: "permission.decided", cacheId, decision });
  const probed = toProbedCache(cache);
  const participant = new PushParticipant(probed, decision, [storePath], events);
  const store = new LocalStore([storePath], context);
  const results = await pushToCache(probed, [participant], store, { ...context, verifies: true });
  throwUnlessPushed(results.get(participant));
  return { access: "write", finding: "confirmed", storePath };
}

/**
 * The cache without rules about what is pushed. Only the cache's own key can sign the path, because nobody
 * built it.
 */
function toProbedCache(cache: CacheDefinition): CacheDefinition {
  const unsigned = { requireSignature: undefined, trustedPublicKeys: undefined };
  return {
    ...cache,
    ...(cache.signingKey === undefined ? unsigned : {}),
    ...{ exclude: undefined, maxNarBytes: undefined, upstreamCaches: undefined },
    ...{ denyPaths: undefined, maxClosureBytes: undefined, maxPaths: undefined, onFailure: undefined },
  };
}

function throwUnlessPushed(result: PushResult | undefined): void {
  if (result?.status === "failed") throw result.error;
  if (result?.auditError !== undefined) throw result.auditError;
  if (result?.status !== "pushed") throw new PushError("ERR_PUSH_ABORTED", "The probe was aborted");
}
