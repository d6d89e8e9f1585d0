import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import { type CacheDefinition, describeDestination } from "../core/cache.ts";
import { untilItFails } from "../core/call-listener.ts";
import { showCredentialName } from "../core/environment-name.ts";
import type { Secret } from "../core/secret.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { ExecutionResult, OutputChunk } from "../execution/executor.ts";
import { classifyAnswer, isCredentialFailure } from "../execution/failure.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import { runCommand } from "../execution/run-command.ts";
import { StagingError } from "../upload/staging-error.ts";
import type { AnyCachesError } from "./any-error.ts";
import { addFollowUp } from "./follow-up.ts";
import { askNixVersion, dependsOnNixVersion } from "./nix-memory.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant, SharedEnd } from "./push-participant.ts";
import type { PushResult } from "./push-types.ts";
import { uploadToCache } from "./upload-to-cache.ts";
import { type DirectWay, findDirectWay } from "./upload-way.ts";
import type { Verification } from "./verification.ts";
import { verifyPaths } from "./verify.ts";

/**
 * Pushes the paths of one or several requests to one cache that allows them. It never rejects: whatever happens becomes the
 * result of each.
 *
 * @param checkStore - rejects unless the Nix store holds every path
 */
export async function pushToCache(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  checkStore: () => Promise<void>,
  context: PushContext,
): Promise<ReadonlyMap<PushParticipant, PushResult>> {
  const refused = await announce(cache, participants, context);
  const announced = participants.filter((participant) => !refused.has(participant));
  const results = new Map(
    [...refused].map(([participant, error]) => [participant, participant.refuse(error)]),
  );
  if (announced.length === 0) return results;
  const end = await new CachePush(cache, announced, checkStore, context).run();
  const finished = await Promise.all(
    announced.map(async (participant) => [participant, await participant.finish(end)] as const),
  );
  return new Map([...results, ...finished]);
}

/** Records the intents. Where that fails nothing may be pushed, and there is nothing to end. */
async function announce(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  { deadline: { signal } }: PushContext,
): Promise<ReadonlyMap<PushParticipant, AnyCachesError>> {
  const refused = new Map<PushParticipant, AnyCachesError>();
  const destination = describeDestination(cache.destination);
  const announceOne = async (participant: PushParticipant): Promise<void> => {
    const { storePaths } = participant;
    try {
      await participant.emit({ type: "push.started", destination, storePaths });
    } catch (failure) {
      refused.set(participant, signal.aborted ? toEnded(signal) : toPushFailure(failure));
    }
  };
  await Promise.all(participants.map(announceOne));
  return refused;
}

function isSame(one: Credentials, other: Credentials): boolean {
  const isHeld = ([name, value]: readonly [string, Secret]): boolean =>
    other.env.get(name)?.equals(value) === true;
  return one.env.size === other.env.size && [...one.env].every(isHeld);
}

function isRefusedAnswer(error: AnyCachesError | undefined): boolean {
  return error instanceof CacheAnswerError && classifyAnswer(error.answer).failureClass === "credentials";
}

class CachePush {
  readonly #cache: CacheDefinition;
  readonly #participants: readonly PushParticipant[];
  readonly #checkStore: () => Promise<void>;
  readonly #context: PushContext;
  readonly #executions: ExecutionResult[] = [];
  readonly #present = new Set<string>();
  readonly #confirmed = new Set<string>();
  readonly #upstream = new Set<string>();
  readonly #onOutput: (chunk: OutputChunk) => void;
  readonly #onProgress: (progress: CommandProgress) => void;
  #credentials: Credentials = { env: new Map() };
  #nixVersion: string | undefined;
  #refreshed = false;

  constructor(
    cache: CacheDefinition,
    participants: readonly PushParticipant[],
    checkStore: () => Promise<void>,
    context: PushContext,
  ) {
    this.#cache = cache;
    this.#participants = participants;
    this.#checkStore = checkStore;
    this.#context = context;
    const { onOutput, onProgress, runtime } = context;
    const warnOf = (name: string) => () =>
      runtime.warn(`The ${name} callback failed; it is not called again for ${cache.id}`);
    this.#onOutput = untilItFails((chunk) => onOutput?.({ ...chunk, cacheId: cache.id }), warnOf("onOutput"));
    this.#onProgress = untilItFails(
      (progress) => onProgress?.({ ...progress, cacheId: cache.id }),
      warnOf("onProgress"),
    );
  }

  async run(): Promise<SharedEnd> {
    const { clock } = this.#context.runtime;
    const startedAt = clock.monotonic();
    const error = await this.#pushAll().catch((failure: unknown) => this.#toFailure(failure));
    const durationMs = Math.round(clock.monotonic() - startedAt);
    return {
      ...{ error, durationMs, executions: this.#executions },
      ...{ present: this.#present, confirmed: this.#confirmed, upstream: this.#upstream },
    };
  }

  async #pushAll(): Promise<AnyCachesError | undefined> {
    this.#throwIfEnded();
    const asked = this.#participants.flatMap(({ storePaths }) => storePaths);
    const batches = batchStorePaths(checkStorePaths(asked, this.#context.host));
    await this.#resolveCredentials(false);
    if (dependsOnNixVersion(this.#cache.destination))
      this.#nixVersion = await askNixVersion(toRunOptions(this.#context));
    // A command that cannot be built fails before the store is asked; what one batch lacks, all lack.
    for (const batch of batches.slice(0, 1)) this.#build(batch);
    await this.#checkStore();
    const direct = findDirectWay(this.#cache, this.#context);
    const isDone = typeof direct !== "string" && (await this.#pushDirectly(asked, direct));
    if (isDone !== false) return isDone.error;
    for (const batch of batches) {
      const error = await this.#confirm(batch, await this.#pushBatch(batch));
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** Uploads without nix, and once more with fresh credentials where they were not accepted; false if nix has to push after all. */
  async #pushDirectly(
    asked: readonly string[],
    way: DirectWay,
  ): Promise<false | { readonly error: AnyCachesError | undefined }> {
    const storePaths = [...new Set(asked)];
    const first = await this.#upload(storePaths, way);
    if (first === false || !isRefusedAnswer(first.error) || !(await this.#getFreshCredentials()))
      return first;
    return this.#upload(storePaths, way);
  }

  async #upload(
    storePaths: readonly string[],
    way: DirectWay,
  ): Promise<false | { readonly error: AnyCachesError | undefined }> {
    const { deadline } = this.#context;
    const onProgress = this.#context.onProgress === undefined ? undefined : this.#onProgress;
    const upload = { cache: this.#cache, storePaths, credentials: this.#credentials, way, onProgress };
    try {
      const outcome = await uploadToCache({ ...upload, context: this.#context });
      this.#executions.push(...outcome.executions);
      this.#add(outcome.present, [this.#present]);
      if (this.#cache.substituter !== undefined && outcome.complete.length > 0) {
        const unconfirmed = await this.#confirm(outcome.complete, undefined);
        return { error: outcome.error ?? unconfirmed };
      }
      this.#add(outcome.complete, [this.#confirmed]);
      return { error: outcome.error };
    } catch (error) {
      if (error instanceof StagingError && !deadline.signal.aborted) return false;
      return { error: this.#toFailure(error) };
    }
  }

  /** Whether the credentials could be replaced by others, once in a push. */
  async #getFreshCredentials(): Promise<boolean> {
    if (this.#refreshed || this.#cache.credentials.type === "none") return false;
    this.#refreshed = true;
    const refused = this.#credentials;
    await this.#resolveCredentials(true);
    // A source that gives the same again would be refused again.
    return !isSame(refused, this.#credentials);
  }

  /** Runs one command, and once more with fresh credentials if those it had were not accepted. */
  async #pushBatch(batch: readonly string[]): Promise<AnyCachesError | undefined> {
    const error = await this.#execute(this.#build(batch));
    const result = this.#executions.at(-1);
    const refused = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isCredentialFailure(result);
    if (!refused || !(await this.#getFreshCredentials())) return error;
    return this.#execute(this.#build(batch));
  }

  /**
   * Finds out which paths of a batch are there. That may turn the success of a tool into a failure, and never the reverse: a tool that
   * failed may have brought a path there, and not what the path refers to.
   */
  async #confirm(
    batch: readonly string[],
    error: AnyCachesError | undefined,
  ): Promise<AnyCachesError | undefined> {
    const { verifies, deadline } = this.#context;
    if (!verifies) {
      if (error === undefined) this.#add(batch, [this.#present, this.#confirmed]);
      return error;
    }
    if (deadline.signal.aborted) return error ?? toEnded(deadline.signal);
    const verified = await verifyPaths(batch, this.#verification());
    this.#add(verified.present, error === undefined ? [this.#present, this.#confirmed] : [this.#present]);
    if (error === undefined) this.#add(verified.upstream, [this.#upstream, this.#confirmed]);
    // What an attempt failed of is told by its last run.
    if (error === undefined && verified.failedRun !== undefined) this.#executions.push(verified.failedRun);
    return error ?? (deadline.signal.aborted ? toEnded(deadline.signal) : verified.error);
  }

  #add(paths: readonly string[], sets: readonly Set<string>[]): void {
    for (const set of sets) for (const path of paths) set.add(path);
  }

  async #resolveCredentials(forceRefresh: boolean): Promise<void> {
    const { resolver, deadline, timeoutMs: minimumLifeMs } = this.#context;
    const { signal } = deadline;
    const source = this.#cache.credentials;
    const { type: sourceType } = source;
    try {
      this.#credentials = await resolver.resolve(source, { signal, forceRefresh, minimumLifeMs });
    } catch (error) {
      const failure = this.#toFailure(error);
      await this.#emit({ type: "credentials.failed", sourceType, code: failure.code });
      throw failure;
    }
    const names = [...this.#credentials.env.keys()].map(showCredentialName);
    const expiration = this.#credentials.expiration?.toISOString();
    await this.#emit({ type: "credentials.resolved", sourceType, names, expiration });
  }

  #build(storePaths: readonly string[]): CommandSpec {
    const { destination } = this.#cache;
    return buildPushCommand({
      destination,
      storePaths,
      credentials: this.#credentials,
      nixVersion: this.#nixVersion,
      progress: this.#context.onProgress !== undefined || this.#context.stallTimeoutMs !== undefined,
      ...this.#context.host,
    });
  }

  async #execute(command: CommandSpec): Promise<AnyCachesError | undefined> {
    this.#throwIfEnded();
    const outcome = await runCommand(command, {
      ...toRunOptions(this.#context),
      stallTimeoutMs: this.#context.stallTimeoutMs,
      onOutput: this.#onOutput,
      onProgress: this.#onProgress,
    });
    const { result, error } = await addFollowUp(outcome, this.#verification());
    if (result !== undefined) this.#executions.push(result);
    return error;
  }

  #verification(): Verification {
    const { host } = this.#context;
    const [cache, credentials, nixVersion] = [this.#cache, this.#credentials, this.#nixVersion];
    return { cache, credentials, host, nixVersion, context: this.#context };
  }

  async #emit(event: Parameters<PushParticipant["emit"]>[0]): Promise<void> {
    await Promise.all(this.#participants.map((participant) => participant.emit(event)));
  }

  #toFailure(error: unknown): AnyCachesError {
    const { signal } = this.#context.deadline;
    return signal.aborted ? toEnded(signal) : toPushFailure(error);
  }

  #throwIfEnded(): void {
    const { signal } = this.#context.deadline;
    if (signal.aborted) throw toEnded(signal);
  }
}
