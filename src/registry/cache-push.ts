import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditEvent, AuditEventBase } from "../audit/event.ts";
import type { CacheDefinition } from "../cache.ts";
import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import { type AnyCachesError, PushError } from "../errors.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { MarkerWatch } from "../execution/marker-watch.ts";
import type { AllowDecision } from "../policy/decision.ts";
import type { Runtime } from "../runtime.ts";
import { findRunError, toPushFailure } from "./outcome.ts";
import type { HostPaths } from "./plan.ts";
import type { ExecutedPush, PushOptions, PushResult } from "./push-types.ts";

/** What every cache of a push shares. */
export interface PushContext {
  readonly audit: AuditLog;
  readonly executor: Executor;
  readonly resolver: CredentialResolver;
  readonly runtime: Runtime;
  readonly host: HostPaths;
  readonly storePaths: readonly string[];
  readonly eventBase: Omit<AuditEventBase, "time">;
  readonly onOutput: PushOptions["onOutput"];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Rejects unless the Nix store holds every path; asked once for all caches. */
  readonly checkValidity: () => Promise<void>;
}

/** `Omit` for each member of a union. */
type Without<Event, Key extends PropertyKey> = Event extends unknown ? Omit<Event, Key> : never;

type CacheEvent = Extract<AuditEvent, { readonly cacheId: string }>;

/** Stamps an event and delivers it. */
export function emitEvent(
  context: PushContext,
  event: Without<AuditEvent, keyof AuditEventBase>,
): Promise<void> {
  const time = new Date(context.runtime.clock.now()).toISOString();
  return context.audit.emit({ ...event, ...context.eventBase, time });
}

/** Pushes to one cache that allows it. It never rejects: whatever happens becomes the result. */
export async function pushToCache(
  cache: CacheDefinition,
  decision: AllowDecision,
  context: PushContext,
): Promise<PushResult> {
  return new CachePush(cache, decision, context).run();
}

class CachePush {
  readonly #cache: CacheDefinition;
  readonly #decision: AllowDecision;
  readonly #context: PushContext;
  readonly #startedAt: number;
  readonly #executions: ExecutionResult[] = [];
  readonly #pushed: string[] = [];
  #forwarding = true;

  constructor(cache: CacheDefinition, decision: AllowDecision, context: PushContext) {
    this.#cache = cache;
    this.#decision = decision;
    this.#context = context;
    this.#startedAt = context.runtime.clock.monotonic();
  }

  async run(): Promise<PushResult> {
    const { storePaths } = this.#context;
    try {
      await this.#emit({ type: "push.started", destination: describeDestination(this.#cache), storePaths });
    } catch (failure) {
      // The intent is not on record, so there is nothing to end.
      return this.#finish(toPushFailure(failure), undefined);
    }
    const error = await this.#pushAll().catch(toPushFailure);
    return this.#finish(error, await this.#recordEnd(error));
  }

  async #pushAll(): Promise<PushError | undefined> {
    if (this.#isAborted()) return aborted();
    const storePaths = checkStorePaths(this.#context.storePaths, this.#context.host);
    const credentials = await this.#resolveCredentials();
    const commands = batchStorePaths(storePaths).map((batch) => ({
      batch,
      command: this.#build(batch, credentials),
    }));
    await this.#context.checkValidity();
    for (const { batch, command } of commands) {
      const error = await this.#execute(command);
      if (error !== undefined) return error;
      this.#pushed.push(...batch);
    }
    return undefined;
  }

  async #resolveCredentials(): Promise<Credentials> {
    const { resolver, signal } = this.#context;
    const source = this.#cache.credentials;
    let credentials: Credentials;
    try {
      credentials = await resolver.resolve(source, { signal });
    } catch (error) {
      const failure = this.#isAborted() ? aborted() : toPushFailure(error);
      await this.#emit({ type: "credentials.failed", sourceType: source.type, code: failure.code });
      throw failure;
    }
    const names = [...credentials.env.keys()];
    const expiration = credentials.expiration?.toISOString();
    await this.#emit({ type: "credentials.resolved", sourceType: source.type, names, expiration });
    return credentials;
  }

  #build(storePaths: readonly string[], credentials: Credentials): CommandSpec {
    return buildPushCommand({
      destination: this.#cache.destination,
      storePaths,
      credentials,
      ...this.#context.host,
    });
  }

  async #execute(command: CommandSpec): Promise<PushError | undefined> {
    if (this.#isAborted()) return aborted();
    const { executor, runtime, signal, timeoutMs } = this.#context;
    const remainingMs = timeoutMs - (runtime.clock.monotonic() - this.#startedAt);
    if (remainingMs <= 0)
      return findRunError(TIMED_OUT, { tool: command.file, timeoutMs, sawFailureMarker: false });
    const watch = new MarkerWatch(command.failureMarkers ?? []);
    const result = await executor.execute(command, {
      timeoutMs: Math.ceil(remainingMs),
      signal,
      onOutput: (chunk) => {
        watch.push(chunk);
        this.#forward(chunk);
      },
    });
    this.#executions.push(result);
    return findRunError(result, { tool: command.file, timeoutMs, sawFailureMarker: watch.seen });
  }

  // A callback that throws must not keep the output from being watched.
  #forward(chunk: OutputChunk): void {
    if (!this.#forwarding) return;
    try {
      this.#context.onOutput?.({ ...chunk, cacheId: this.#cache.id });
    } catch {
      this.#forwarding = false;
      this.#context.runtime.warn("The onOutput callback threw; it is not called again for this cache");
    }
  }

  async #recordEnd(error: AnyCachesError | undefined): Promise<PushError | undefined> {
    const exitCode = this.#executions.at(-1)?.exitCode ?? undefined;
    const end = error === undefined ? {} : { code: error.code, message: error.message };
    try {
      const durationMs = this.#elapsedMs();
      await this.#emit({
        type: "push.finished",
        status: this.#toStatus(error),
        durationMs,
        exitCode,
        ...end,
      });
      return undefined;
    } catch (failure) {
      return failure instanceof PushError
        ? failure
        : new PushError("ERR_AUDIT_FAILED", "The end was not recorded");
    }
  }

  #finish(error: AnyCachesError | undefined, auditError: PushError | undefined): PushResult {
    const executed: ExecutedPush = {
      cacheId: this.#cache.id,
      decision: this.#decision,
      storePaths: this.#pushed,
      executions: this.#executions,
      durationMs: this.#elapsedMs(),
      auditError,
    };
    const status = this.#toStatus(error);
    return error !== undefined && status === "failed"
      ? { ...executed, status, error }
      : { ...executed, status: error === undefined ? "pushed" : "aborted" };
  }

  #toStatus(error: AnyCachesError | undefined): "pushed" | "failed" | "aborted" {
    if (error === undefined) return "pushed";
    return error.code === "ERR_PUSH_ABORTED" ? "aborted" : "failed";
  }

  #emit(event: Without<CacheEvent, keyof AuditEventBase | "cacheId">): Promise<void> {
    return emitEvent(this.#context, { ...event, cacheId: this.#cache.id });
  }

  #isAborted(): boolean {
    return this.#context.signal.aborted;
  }

  #elapsedMs(): number {
    return Math.round(this.#context.runtime.clock.monotonic() - this.#startedAt);
  }
}

const TIMED_OUT: ExecutionResult = {
  outcome: "timed-out",
  exitCode: null,
  signal: null,
  durationMs: 0,
  stdout: "",
  stderr: "",
  truncated: false,
};

function aborted(): PushError {
  return new PushError("ERR_PUSH_ABORTED", "The push was aborted");
}

function describeDestination({ destination }: CacheDefinition): string {
  return destination.type === "cachix" ? destination.name : destination.url;
}
