import type { CommandSpec } from "../commands/command.ts";
import { findCacheTool } from "../commands/find-cache-tool.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { AfterPush, CacheDefinition } from "../core/cache.ts";
import { CommandError, PushError } from "../core/errors.ts";
import { toPinName } from "../core/pin-name.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { runCommand } from "../execution/run-command.ts";
import type { AnyCachesError } from "./any-error.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";

/** What was pushed for a request, and is confirmed. */
export interface PushedForRequest {
  readonly participant: PushParticipant;
  readonly storePaths: readonly string[];
}

/** What a pin is set with. */
export interface PinOptions {
  /** The credentials of the moment: those of the push, which exist once something was pushed. */
  readonly credentials: () => Credentials;
  readonly context: PushContext;
}

/** What became of the pins. */
export interface PinnedPaths {
  /** How the commands ended; one that failed is the last. */
  readonly executions: readonly ExecutionResult[];
  /** The requests with a path that could not be pinned, and why. */
  readonly unpinned: ReadonlyMap<PushParticipant, AnyCachesError>;
}

/**
 * Pins what was pushed, where the cache says so. Only branches and tags have pins: who opens a pull request chooses the name of its branch, and
 * what stays in a cache for good is the word of those who may write to the repository. It never rejects.
 */
export async function pinPaths(
  pushed: readonly PushedForRequest[],
  cache: CacheDefinition,
  options: PinOptions,
): Promise<PinnedPaths> {
  const { afterPush } = cache;
  const executions: ExecutionResult[] = [];
  const unpinned = new Map<PushParticipant, AnyCachesError>();
  if (afterPush === undefined) return { executions, unpinned };
  const failed: ExecutionResult[] = [];
  for (const { participant, storePaths } of pushed) {
    for (const storePath of storePaths) {
      if (unpinned.has(participant)) break;
      const { result, error } = await pinPath(storePath, participant, { cache, afterPush, ...options });
      if (result !== undefined) (error === undefined ? executions : failed).push(result);
      if (error !== undefined) unpinned.set(participant, error);
    }
  }
  return { executions: [...executions, ...failed], unpinned };
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
  participant: PushParticipant,
  options: PinPathOptions,
): Promise<PinOutcome> {
  const { signal } = options.context.deadline;
  try {
    const command = toPinCommand(storePath, participant, options);
    if (command === undefined) return {};
    if (signal.aborted) return { error: toEnded(signal) };
    const { result, error } = await runCommand(command, toRunOptions(options.context));
    const outcome = result === undefined ? {} : { result };
    if (error === undefined) return outcome;
    if (error.code !== "ERR_PUSH_FAILED") return { ...outcome, error };
    const message = `The paths are there, and could not be pinned: ${error.message}`;
    return { ...outcome, error: new PushError("ERR_PUSH_FAILED", message, [storePath]) };
  } catch (error) {
    return { error: signal.aborted ? toEnded(signal) : toPushFailure(error) };
  }
}

function toPinCommand(
  storePath: string,
  { about: { repository, ref, job } }: PushParticipant,
  { cache, afterPush, credentials, context: { host } }: PinPathOptions,
): CommandSpec | undefined {
  if (ref?.type !== "branch" && ref?.type !== "tag") return undefined;
  const { tool, buildPin } = findCacheTool(cache.destination, host.cacheTypes);
  if (buildPin === undefined)
    throw new CommandError("ERR_COMMAND_INVALID", `${tool} has no pins; remove after_push`);
  const { name } = parseStorePath(storePath, host);
  const facts = { repository, ref, job, name };
  const { storeDirectory } = host;
  const input = { storePaths: [storePath], credentials: credentials(), storeDirectory };
  return buildPin(input, { ...afterPush, pin: toPinName(afterPush.pin, facts) });
}
