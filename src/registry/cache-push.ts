import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import type { CacheDefinition } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import { isCredentialFailure } from "../execution/failure.ts";
import { runCommand } from "../execution/run-command.ts";
import { StagingError } from "../upload/staging-error.ts";
import { announcePush } from "./announce-push.ts";
import type { AnyCachesError } from "./any-error.ts";
import { askNixVersion, dependsOnNixVersion } from "./ask-nix-version.ts";
import { findFingerprint } from "./cache-fingerprint.ts";
import { toCacheReader } from "./cache-reader.ts";
import { type CheckedClosure, checkClosure } from "./closure-check.ts";
import { findKnownPaths } from "./find-known-paths.ts";
import { addFollowUp } from "./follow-up.ts";
import { type PinnedPaths, pinPaths } from "./path-pins.ts";
import { PathSelection } from "./path-selection.ts";
import type { PathSource } from "./path-source.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import { PushCredentials } from "./push-credentials.ts";
import { toEnded, toPushFailure, toUnpromotable } from "./push-failure.ts";
import { type PushListeners, toPushListeners } from "./push-listeners.ts";
import type { PushParticipant, SharedEnd } from "./push-participant.ts";
import { PushTally } from "./push-tally.ts";
import type { PushResult } from "./push-types.ts";
import { fetchSigningKey, readSigningKey, refuseUnsigned, withSigningKey } from "./signing-key.ts";
import { uploadToCache } from "./upload-to-cache.ts";
import { type DirectWay, findDirectWay, isOfNix } from "./upload-way.ts";
import type { Verification } from "./verification.ts";
import { verifyPaths } from "./verify.ts";

/**
 * Pushes the paths of one or several requests to one cache that allows them. It never rejects; every outcome
 * becomes a result.
 *
 * @param store - the Nix store that holds the paths
 */
export async function pushToCache(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  store: PathSource,
  context: PushContext,
): Promise<ReadonlyMap<PushParticipant, PushResult>> {
  const refused = await announcePush(cache, participants, context);
  const announced = participants.filter((participant) => !refused.has(participant));
  const results = new Map(
    [...refused].map(([participant, error]) => [participant, participant.refuse(error)]),
  );
  if (announced.length === 0) return results;
  const end = await new CachePush(cache, announced, store, context).run();
  const finished = await Promise.all(
    announced.map(async (participant) => [participant, await participant.finish(end)] as const),
  );
  return new Map([...results, ...finished]);
}

class CachePush {
  readonly #cache: CacheDefinition;
  readonly #participants: readonly PushParticipant[];
  readonly #context: PushContext;
  readonly #credentials: PushCredentials;
  readonly #tally = new PushTally();
  readonly #selection: PathSelection;
  readonly #listeners: PushListeners;
  #nixVersion: string | undefined;
  #signingKey: Secret | undefined;

  constructor(
    cache: CacheDefinition,
    participants: readonly PushParticipant[],
    store: PathSource,
    context: PushContext,
  ) {
    this.#cache = cache;
    this.#participants = participants;
    this.#selection = new PathSelection(cache, store, context);
    this.#context = context;
    this.#credentials = new PushCredentials(cache, context, (event) => this.#emit(event));
    this.#listeners = toPushListeners(cache.id, context);
  }

  async run(): Promise<SharedEnd> {
    const { clock } = this.#context.runtime;
    const startedAt = clock.monotonic();
    const error = await this.#pushAll().catch((failure: unknown) => this.#toFailure(failure));
    const { pins, unpinned } = await this.#pin();
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const refused = new Map([...this.#selection.refused, ...unpinned]);
    const { skipped } = this.#selection;
    const isAsked = this.#context.verifies || this.#tally.upload?.way === "direct";
    const fingerprint = findFingerprint(this.#cache, isAsked);
    return { ...this.#tally.toEnd(), error, durationMs, skipped, refused, pins, fingerprint };
  }

  #pin(): Promise<PinnedPaths> {
    const isThere = (path: string): boolean => this.#tally.isThere(path);
    const requests = this.#participants
      .filter((participant) => !this.#selection.refused.has(participant))
      .map((participant) => ({ participant, storePaths: participant.storePaths.filter(isThere) }));
    const credentials = () => this.#credentials.current;
    return pinPaths(requests, this.#cache, { credentials, context: this.#context });
  }

  async #pushAll(): Promise<AnyCachesError | undefined> {
    this.#throwIfEnded();
    const wanted = await this.#selection.select(this.#participants);
    const known = await findKnownPaths(this.#cache, wanted, this.#context);
    this.#tally.add(known, "known", "present", "confirmed");
    const unknown = wanted.filter((path) => !known.has(path));
    if (this.#hasNothingLeft(unknown)) return undefined;
    const isPromotion = this.#selection.store.openStage !== undefined;
    // If the source lacks a path or its signature, credentials of the target are not needed.
    if (isPromotion) await this.#selection.store.closure();
    await this.#credentials.fetch();
    this.#signingKey = await fetchSigningKey(this.#cache, this.#context, (event) => this.#emit(event));
    const direct = findDirectWay(this.#cache, this.#context);
    if (isPromotion && typeof direct === "string") throw toUnpromotable(direct);
    const left = await this.#selection.leaveToUpstream(unknown, typeof direct !== "string");
    this.#throwIfEnded();
    if (this.#hasNothingLeft(left.storePaths)) return undefined;
    if (typeof direct !== "string") {
      const done = await this.#pushDirectly(left.storePaths, direct, left.upstream);
      if (!(done.error instanceof StagingError)) return done.error;
      if (isPromotion) throw toUnpromotable(done.error.message);
      this.#tally.upload = { way: "nix", reason: done.error.message };
    } else if (isOfNix(this.#cache)) this.#tally.upload = { way: "nix", reason: direct };
    if (isOfNix(this.#cache) && this.#signingKey !== undefined)
      return refuseUnsigned(this.#tally.upload, typeof direct === "string");
    return this.#pushByTool(batchStorePaths(left.storePaths));
  }

  /** A request without paths is reported by the tool's own check. */
  #hasNothingLeft(storePaths: readonly string[]): boolean {
    const isAsked = this.#participants.some((participant) => participant.storePaths.length > 0);
    return storePaths.length === 0 && isAsked;
  }

  async #pushByTool(batches: readonly (readonly string[])[]): Promise<AnyCachesError | undefined> {
    if (dependsOnNixVersion(this.#cache.destination))
      this.#nixVersion = await askNixVersion(toRunOptions(this.#context));
    // A command that cannot be built fails before the store is asked; all batches would fail alike.
    for (const batch of batches.slice(0, 1)) this.#build(batch);
    await this.#checkStore();
    for (const batch of batches) {
      const error = await this.#confirm(batch, await this.#pushBatch(batch));
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** If the closure is needed later, it is queried now, which also shows that the store has the paths. */
  async #checkStore(): Promise<void> {
    if (isOfNix(this.#cache) || !this.#context.verifies) return this.#selection.store.check();
    await this.#selection.store.closure().catch((error: unknown) => {
      if (!(error instanceof StagingError)) throw error;
    });
  }

  /** Uploads without Nix. A {@link StagingError} means that Nix must push after all. */
  async #pushDirectly(
    storePaths: readonly string[],
    way: DirectWay,
    upstream: ReadonlySet<string>,
  ): Promise<{ readonly error: AnyCachesError | StagingError | undefined }> {
    const { deadline } = this.#context;
    const onProgress = this.#context.onProgress === undefined ? undefined : this.#listeners.onProgress;
    const signingKey = this.#signingKey && readSigningKey(this.#signingKey, this.#cache);
    this.#tally.signedBy = signingKey?.name;
    const sent = { cache: this.#cache, storePaths, upstream, signingKey };
    const what = { ...sent, credentials: this.#credentials, store: this.#selection.store };
    this.#tally.upload = { way: "direct" };
    try {
      const outcome = await uploadToCache({ ...what, way, onProgress, context: this.#context });
      this.#tally.executions.push(...outcome.executions);
      this.#tally.add(outcome.present, "present");
      if (this.#cache.substituter !== undefined && outcome.complete.length > 0) {
        const unconfirmed = await this.#confirm(outcome.complete, undefined);
        return { error: outcome.error ?? unconfirmed };
      }
      this.#tally.add(outcome.complete, "confirmed");
      return { error: outcome.error };
    } catch (error) {
      if (error instanceof StagingError && !deadline.signal.aborted) return { error };
      return { error: this.#toFailure(error) };
    }
  }

  /** Runs one command, and once more with fresh credentials if the old ones were refused. */
  async #pushBatch(batch: readonly string[]): Promise<AnyCachesError | undefined> {
    const error = await this.#execute(this.#build(batch));
    const result = this.#tally.executions.at(-1);
    const refused = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isCredentialFailure(result);
    if (!refused || !(await this.#credentials.replaceOnce())) return error;
    return this.#execute(this.#build(batch));
  }

  /**
   * Finds out which paths of a batch are there. This may turn the success of a tool into a failure, but never
   * the reverse: a tool that failed may have pushed a path without its references.
   */
  async #confirm(
    batch: readonly string[],
    error: AnyCachesError | undefined,
  ): Promise<AnyCachesError | undefined> {
    const { verifies, deadline } = this.#context;
    if (!verifies) {
      if (error === undefined) this.#tally.add(batch, "present", "confirmed");
      return error;
    }
    if (deadline.signal.aborted) return error ?? toEnded(deadline.signal);
    const verified = await verifyPaths(batch, this.#verification());
    this.#tally.add(verified.present, "present");
    if (error !== undefined) return error;
    this.#tally.add(verified.upstream, "upstream");
    // The last run tells why an attempt failed.
    if (verified.failedRun !== undefined) this.#tally.executions.push(verified.failedRun);
    const { complete, error: gap } = await this.#findComplete([...verified.present, ...verified.upstream]);
    this.#tally.add(complete, "confirmed");
    return deadline.signal.aborted ? toEnded(deadline.signal) : (verified.error ?? gap);
  }

  /**
   * `nix copy` and a direct upload push the whole closure. For other tools the cache is asked.
   */
  async #findComplete(paths: readonly string[]): Promise<CheckedClosure> {
    if (isOfNix(this.#cache)) return { complete: paths };
    const reader = toCacheReader(this.#cache, this.#credentials.current);
    return checkClosure(paths, this.#selection.store, reader, this.#verification());
  }

  #build(storePaths: readonly string[]): CommandSpec {
    const { destination } = this.#cache;
    return buildPushCommand({
      destination,
      storePaths,
      credentials: withSigningKey(this.#credentials.current, this.#signingKey, this.#cache),
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
      ...this.#listeners,
    });
    const { result, error } = await addFollowUp(outcome, this.#verification());
    if (result !== undefined) this.#tally.executions.push(result);
    return error;
  }

  #verification(): Verification {
    const { host } = this.#context;
    const { current: credentials } = this.#credentials;
    return {
      cache: this.#cache,
      credentials,
      host,
      nixVersion: this.#nixVersion,
      context: this.#context,
      subject: "paths",
    };
  }

  async #emit(event: Parameters<PushParticipant["emit"]>[0]): Promise<void> {
    await Promise.all(this.#participants.map((participant) => participant.emit(event)));
  }

  #toFailure(error: unknown): AnyCachesError {
    const failure = toPushFailure(error);
    const { signal } = this.#context.deadline;
    // If the time was over before a rule could be checked, the timeout is what matters for a retry.
    return signal.aborted && failure.code !== "ERR_CLOSURE_UNKNOWN" ? toEnded(signal) : failure;
  }

  #throwIfEnded(): void {
    const { signal } = this.#context.deadline;
    if (signal.aborted) throw toEnded(signal);
  }
}
