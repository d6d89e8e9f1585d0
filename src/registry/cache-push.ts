import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditEvent, AuditEventBase } from "../audit/event.ts";
import type { CacheDefinition } from "../cache.ts";
import { untilItFails } from "../call-listener.ts";
import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { AnyCachesError, PushError } from "../errors.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { isCredentialFailure } from "../execution/failure.ts";
import type { AllowDecision } from "../policy/decision.ts";
import type { Runtime } from "../runtime.ts";
import { toAborted, toAuditFailure, toPushFailure } from "./outcome.ts";
import type { HostPaths } from "./plan.ts";
import type { ExecutedPush, PushOptions, PushResult } from "./push-types.ts";
import { runCommand } from "./run-command.ts";

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

/**
 * Stamps an event and delivers it.
 *
 * @param signal - ends the waiting for sinks; left out for what must be recorded in any case
 */
export function emitEvent(
  context: PushContext,
  event: Without<AuditEvent, keyof AuditEventBase>,
  signal?: AbortSignal,
): Promise<void> {
  const time = new Date(context.runtime.clock.now()).toISOString();
  return context.audit.emit({ ...event, ...context.eventBase, time }, signal);
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
  readonly #onOutput: (chunk: OutputChunk) => void;
  #credentials: Credentials = { env: new Map() };
  #refreshed = false;

  constructor(cache: CacheDefinition, decision: AllowDecision, context: PushContext) {
    this.#cache = cache;
    this.#decision = decision;
    this.#context = context;
    this.#startedAt = context.runtime.clock.monotonic();
    const { onOutput, runtime } = context;
    this.#onOutput = untilItFails(
      (chunk) => onOutput?.({ ...chunk, cacheId: cache.id }),
      () => runtime.warn(`The onOutput callback failed; it is not called again for ${cache.id}`),
    );
  }

  async run(): Promise<PushResult> {
    const { storePaths } = this.#context;
    try {
      await this.#emit({ type: "push.started", destination: describeDestination(this.#cache), storePaths });
    } catch (failure) {
      // The intent is not on record, so there is nothing to end.
      return this.#finish(this.#toFailure(failure), undefined);
    }
    const error = await this.#pushAll().catch((failure: unknown) => this.#toFailure(failure));
    return this.#finish(error, await this.#recordEnd(error));
  }

  async #pushAll(): Promise<PushError | undefined> {
    if (this.#isAborted()) return toAborted();
    const batches = batchStorePaths(checkStorePaths(this.#context.storePaths, this.#context.host));
    await this.#resolveCredentials(false);
    // A command that cannot be built fails before the store is asked; what one batch lacks, all lack.
    for (const batch of batches.slice(0, 1)) this.#build(batch);
    await this.#context.checkValidity();
    for (const batch of batches) {
      const error = await this.#pushBatch(batch);
      if (error !== undefined) return error;
      this.#pushed.push(...batch);
    }
    return undefined;
  }

  /** Runs one command, and once more with fresh credentials if those it had were not accepted. */
  async #pushBatch(batch: readonly string[]): Promise<PushError | undefined> {
    const error = await this.#execute(this.#build(batch));
    const result = this.#executions.at(-1);
    const refused = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isCredentialFailure(result);
    if (!refused || this.#refreshed || this.#cache.credentials.type === "none") return error;
    this.#refreshed = true;
    await this.#resolveCredentials(true);
    return this.#execute(this.#build(batch));
  }

  async #resolveCredentials(forceRefresh: boolean): Promise<void> {
    const { resolver, signal, timeoutMs: minimumLifeMs } = this.#context;
    const source = this.#cache.credentials;
    try {
      this.#credentials = await resolver.resolve(source, { signal, forceRefresh, minimumLifeMs });
    } catch (error) {
      const failure = this.#toFailure(error);
      await this.#emit({ type: "credentials.failed", sourceType: source.type, code: failure.code });
      throw failure;
    }
    const names = [...this.#credentials.env.keys()];
    const expiration = this.#credentials.expiration?.toISOString();
    await this.#emit({ type: "credentials.resolved", sourceType: source.type, names, expiration });
  }

  #build(storePaths: readonly string[]): CommandSpec {
    const { destination } = this.#cache;
    return buildPushCommand({
      destination,
      storePaths,
      credentials: this.#credentials,
      ...this.#context.host,
    });
  }

  async #execute(command: CommandSpec): Promise<PushError | undefined> {
    if (this.#isAborted()) return toAborted();
    const { executor, runtime, signal, timeoutMs } = this.#context;
    const { result, error } = await runCommand(command, {
      executor,
      timeoutMs,
      remainingMs: timeoutMs - (runtime.clock.monotonic() - this.#startedAt),
      signal,
      onOutput: this.#onOutput,
    });
    if (result !== undefined) this.#executions.push(result);
    return error;
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
      return toAuditFailure(failure);
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
    const { signal } = this.#context;
    const waiting = event.type === "push.finished" ? undefined : signal;
    return emitEvent(this.#context, { ...event, cacheId: this.#cache.id }, waiting);
  }

  #toFailure(error: unknown): AnyCachesError {
    return this.#isAborted() ? toAborted() : toPushFailure(error);
  }

  #isAborted(): boolean {
    return this.#context.signal.aborted;
  }

  #elapsedMs(): number {
    return Math.round(this.#context.runtime.clock.monotonic() - this.#startedAt);
  }
}

function describeDestination({ destination }: CacheDefinition): string {
  return destination.type === "cachix" ? destination.name : destination.url;
}
