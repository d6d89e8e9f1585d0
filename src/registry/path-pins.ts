import type { CommandSpec } from "../commands/command.ts";
import { findCacheTool } from "../commands/find-cache-tool.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { AfterPush, CacheDefinition } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import { type PinFacts, toPinName } from "../core/pin-name.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { runCommand } from "../execution/run-command.ts";
import type { AnyCachesError } from "./any-error.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";

/** The confirmed paths of a request. */
export interface PushedForRequest {
  readonly participant: PushParticipant;
  readonly storePaths: readonly string[];
}

/** What setting a pin needs. */
export interface PinOptions {
  /** The current credentials of the push, which exist once something was pushed. */
  readonly credentials: () => Credentials;
  readonly context: PushContext;
}

/** The outcome of setting pins. */
export interface PinnedPaths {
  /** The results of the commands of each request, in order. */
  readonly pins: ReadonlyMap<PushParticipant, readonly ExecutionResult[]>;
  /** The requests with a path that could not be pinned, and why. */
  readonly unpinned: ReadonlyMap<PushParticipant, AnyCachesError>;
}

/**
 * Pins what was pushed, if the cache is configured so. Only branches and tags have pins, because the author
 * of a pull request chooses the name of its branch. Only those who may write to the repository decide what a
 * cache keeps. It never rejects.
 */
export async function pinPaths(
  pushed: readonly PushedForRequest[],
  cache: CacheDefinition,
  options: PinOptions,
): Promise<PinnedPaths> {
  const { afterPush } = cache;
  const pins = new Map<PushParticipant, readonly ExecutionResult[]>();
  const unpinned = new Map<PushParticipant, AnyCachesError>();
  if (afterPush === undefined) return { pins, unpinned };
  for (const request of pushed) {
    const { executions, error } = await pinRequest(request, { cache, afterPush, ...options });
    pins.set(request.participant, executions);
    if (error !== undefined) unpinned.set(request.participant, error);
  }
  return { pins, unpinned };
}

/** Pins the paths of a request, up to the first that cannot be pinned. */
async function pinRequest(
  { participant, storePaths }: PushedForRequest,
  options: PinPathOptions,
): Promise<{ readonly executions: readonly ExecutionResult[]; readonly error?: AnyCachesError }> {
  const executions: ExecutionResult[] = [];
  const { ref } = participant.about;
  if (storePaths.length === 0 || (ref?.type !== "branch" && ref?.type !== "tag")) return { executions };
  const names = participant.storePaths.map((path) => parseStorePath(path, options.context.host).name);
  if (new Set(names).size < names.length) {
    const message =
      "Two paths of the request have the same name, so one would replace the pin of the other; push them as separate jobs, with {job} in the pin's name";
    return { executions, error: new CommandError("ERR_COMMAND_INVALID", message) };
  }
  for (const storePath of storePaths) {
    const { result, error } = await pinPath(storePath, { ...participant.about, ref }, options);
    if (result !== undefined) executions.push(result);
    if (error !== undefined) return { executions, error };
  }
  return { executions };
}

interface PinPathOptions extends PinOptions {
  readonly cache: CacheDefinition;
  readonly afterPush: AfterPush;
}

interface PinOutcome {
  readonly result?: ExecutionResult;
  readonly error?: AnyCachesError | undefined;
}

async function pinPath(
  storePath: string,
  about: Omit<PinFacts, "name">,
  options: PinPathOptions,
): Promise<PinOutcome> {
  const { signal } = options.context.deadline;
  try {
    const command = toPinCommand(storePath, about, options);
    if (signal.aborted) return { error: toEnded(signal) };
    const { result, error } = await runCommand(command, toRunOptions(options.context));
    const outcome = result === undefined ? {} : { result };
    if (error === undefined) return outcome;
    if (error.code !== "ERR_PUSH_FAILED") return { ...outcome, error };
    const message = `The paths were pushed, but could not be pinned: ${error.message}`;
    return { ...outcome, error: new PushError("ERR_PUSH_FAILED", message, [storePath]) };
  } catch (error) {
    return { error: signal.aborted ? toEnded(signal) : toPushFailure(error) };
  }
}

function toPinCommand(
  storePath: string,
  { repository, ref, job }: Omit<PinFacts, "name">,
  { cache, afterPush, credentials, context: { host } }: PinPathOptions,
): CommandSpec {
  const { tool, buildPin } = findCacheTool(cache.destination, host.cacheTypes);
  if (buildPin === undefined)
    throw new CommandError("ERR_COMMAND_INVALID", `${tool} has no pins; remove after_push`);
  const { name } = parseStorePath(storePath, host);
  const facts = { repository, ref, job, name };
  const { storeDirectory } = host;
  const input = { storePaths: [storePath], credentials: credentials(), storeDirectory };
  return buildPin(input, { ...afterPush, pin: toPinName(afterPush.pin, facts) });
}
