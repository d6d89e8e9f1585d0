import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import type { HostPaths } from "../commands/host-paths.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import { type CacheDefinition, describeDestination } from "../core/cache.ts";
import { untilItFails } from "../core/call-listener.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { isCredentialFailure } from "../execution/failure.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import { type RunCommandOptions, runCommand } from "../execution/run-command.ts";
import type { Runtime } from "../host/runtime.ts";
import type { AnyCachesError } from "./any-error.ts";
import { toAborted, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";
import type { PushOptions, PushResult } from "./push-types.ts";
import { verifyPaths } from "./verify.ts";

/** What every cache of a push shares. */
export interface PushContext {
  readonly executor: Executor;
  readonly resolver: CredentialResolver;
  readonly runtime: Runtime;
  readonly host: HostPaths;
  readonly onOutput: PushOptions["onOutput"];
  readonly onProgress: PushOptions["onProgress"];
  readonly stallTimeoutMs: number | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Whether a cache is asked for the paths after the tool said that they are there. */
  readonly verifies: boolean;
  /** Rejects unless the Nix store holds every path; asked once for all caches. */
  readonly checkValidity: () => Promise<void>;
}

/**
 * Pushes the paths of one or several requests to one cache that allows them. It never rejects: whatever happens becomes the
 * result of each.
 */
export async function pushToCache(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  context: PushContext,
): Promise<ReadonlyMap<PushParticipant, PushResult>> {
  const refused = await announce(cache, participants, context);
  const announced = participants.filter((participant) => !refused.has(participant));
  const push = new CachePush(cache, announced, context);
  const results = new Map(
    [...refused].map(([participant, error]) => [participant, participant.refuse(error)]),
  );
  if (announced.length === 0) return results;
  const end = await push.run();
  const finished = await Promise.all(
    announced.map(async (participant) => [participant, await participant.finish(end)] as const),
  );
  return new Map([...results, ...finished]);
}

/** Records the intents. Where that fails nothing may be pushed, and there is nothing to end. */
async function announce(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  { signal }: PushContext,
): Promise<ReadonlyMap<PushParticipant, AnyCachesError>> {
  const refused = new Map<PushParticipant, AnyCachesError>();
  const destination = describeDestination(cache.destination);
  const announceOne = async (participant: PushParticipant): Promise<void> => {
    const { storePaths } = participant;
    try {
      await participant.emit({ type: "push.started", destination, storePaths }, signal);
    } catch (failure) {
      refused.set(participant, signal.aborted ? toAborted() : toPushFailure(failure));
    }
  };
  await Promise.all(participants.map(announceOne));
  return refused;
}

class CachePush {
  readonly #cache: CacheDefinition;
  readonly #participants: readonly PushParticipant[];
  readonly #context: PushContext;
  readonly #startedAt: number;
  readonly #executions: ExecutionResult[] = [];
  readonly #present = new Set<string>();
  readonly #onOutput: (chunk: OutputChunk) => void;
  readonly #onProgress: (progress: CommandProgress) => void;
  #credentials: Credentials = { env: new Map() };
  #refreshed = false;

  constructor(cache: CacheDefinition, participants: readonly PushParticipant[], context: PushContext) {
    this.#cache = cache;
    this.#participants = participants;
    this.#context = context;
    this.#startedAt = context.runtime.clock.monotonic();
    const { onOutput, onProgress, runtime } = context;
    const warnOf = (name: string) => () =>
      runtime.warn(`The ${name} callback failed; it is not called again for ${cache.id}`);
    this.#onOutput = untilItFails((chunk) => onOutput?.({ ...chunk, cacheId: cache.id }), warnOf("onOutput"));
    this.#onProgress = untilItFails(
      (progress) => onProgress?.({ ...progress, cacheId: cache.id }),
      warnOf("onProgress"),
    );
  }

  async run(): Promise<Parameters<PushParticipant["finish"]>[0]> {
    const error = await this.#pushAll().catch((failure: unknown) => this.#toFailure(failure));
    const durationMs = Math.round(this.#context.runtime.clock.monotonic() - this.#startedAt);
    return { error, present: this.#present, executions: this.#executions, durationMs };
  }

  async #pushAll(): Promise<AnyCachesError | undefined> {
    if (this.#isAborted()) return toAborted();
    const asked = this.#participants.flatMap(({ storePaths }) => storePaths);
    const batches = batchStorePaths(checkStorePaths(asked, this.#context.host));
    await this.#resolveCredentials(false);
    // A command that cannot be built fails before the store is asked; what one batch lacks, all lack.
    for (const batch of batches.slice(0, 1)) this.#build(batch);
    await this.#context.checkValidity();
    for (const batch of batches) {
      const error = await this.#settleBatch(batch, await this.#pushBatch(batch));
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** Runs one command, and once more with fresh credentials if those it had were not accepted. */
  async #pushBatch(batch: readonly string[]): Promise<AnyCachesError | undefined> {
    const error = await this.#execute(this.#build(batch));
    const result = this.#executions.at(-1);
    const refused = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isCredentialFailure(result);
    if (!refused || this.#refreshed || this.#cache.credentials.type === "none") return error;
    this.#refreshed = true;
    await this.#resolveCredentials(true);
    return this.#execute(this.#build(batch));
  }

  /** Finds out which paths of a batch are there: what a failed command got done counts, what a successful one says does not. */
  async #settleBatch(
    batch: readonly string[],
    error: AnyCachesError | undefined,
  ): Promise<AnyCachesError | undefined> {
    if (!this.#context.verifies) {
      if (error === undefined) for (const path of batch) this.#present.add(path);
      return error;
    }
    if (this.#isAborted()) return error ?? toAborted();
    const verified = await verifyPaths(batch, {
      cache: this.#cache,
      credentials: this.#credentials,
      host: this.#context.host,
      run: () => this.#toRunOptions(),
    });
    for (const path of verified.present) this.#present.add(path);
    // What an attempt failed of is told by its last run.
    if (error === undefined && verified.failedRun !== undefined) this.#executions.push(verified.failedRun);
    return error ?? (this.#isAborted() ? toAborted() : verified.error);
  }

  async #resolveCredentials(forceRefresh: boolean): Promise<void> {
    const { resolver, signal, timeoutMs: minimumLifeMs } = this.#context;
    const source = this.#cache.credentials;
    const { type: sourceType } = source;
    try {
      this.#credentials = await resolver.resolve(source, { signal, forceRefresh, minimumLifeMs });
    } catch (error) {
      const failure = this.#toFailure(error);
      await this.#emit({ type: "credentials.failed", sourceType, code: failure.code });
      throw failure;
    }
    const names = [...this.#credentials.env.keys()];
    const expiration = this.#credentials.expiration?.toISOString();
    await this.#emit({ type: "credentials.resolved", sourceType, names, expiration });
  }

  #build(storePaths: readonly string[]): CommandSpec {
    const { destination } = this.#cache;
    return buildPushCommand({
      destination,
      storePaths,
      credentials: this.#credentials,
      progress: this.#context.onProgress !== undefined || this.#context.stallTimeoutMs !== undefined,
      ...this.#context.host,
    });
  }

  async #execute(command: CommandSpec): Promise<AnyCachesError | undefined> {
    if (this.#isAborted()) return toAborted();
    const { result, error } = await runCommand(command, {
      ...this.#toRunOptions(),
      stallTimeoutMs: this.#context.stallTimeoutMs,
      onOutput: this.#onOutput,
      onProgress: this.#onProgress,
    });
    if (result !== undefined) this.#executions.push(result);
    return error;
  }

  #toRunOptions(): RunCommandOptions {
    const { executor, runtime, signal, timeoutMs } = this.#context;
    const remainingMs = timeoutMs - (runtime.clock.monotonic() - this.#startedAt);
    return { executor, clock: runtime.clock, timeoutMs, remainingMs, signal };
  }

  async #emit(event: Parameters<PushParticipant["emit"]>[0]): Promise<void> {
    const { signal } = this.#context;
    await Promise.all(this.#participants.map((participant) => participant.emit(event, signal)));
  }

  #toFailure(error: unknown): AnyCachesError {
    return this.#isAborted() ? toAborted() : toPushFailure(error);
  }

  #isAborted(): boolean {
    return this.#context.signal.aborted;
  }
}
