import { batchStorePaths } from "../commands/batch.ts";
import {
  buildClosureCommand,
  buildRegistrationCommand,
  parseRegistrations,
  type Registration,
} from "../commands/closure.ts";
import type { StorePathOptions } from "../commands/store-path.ts";
import type { RunCommandOptions } from "../execution/run-command.ts";
import { runForAnswer } from "../execution/run-for-answer.ts";
import { StagingError } from "./staging-error.ts";

/** A closure, each path after all that it refers to. */
export type Closure = ReadonlyMap<string, Registration>;

/**
 * Asks the Nix store for the closure of some paths.
 *
 * @param toOptions - bounds of the next command
 * @throws {@link StagingError} where the store does not answer; the push error of a command that was ended
 */
export async function askClosure(
  storePaths: readonly string[],
  options: StorePathOptions,
  toOptions: () => RunCommandOptions,
): Promise<Closure> {
  const paths = new Set<string>();
  for (const batch of batchStorePaths(storePaths)) {
    const answer = await askStore(buildClosureCommand(batch, options), toOptions());
    for (const path of answer.split("\n")) if (path !== "") paths.add(path);
  }
  const found = new Map<string, Registration>();
  for (const batch of batchStorePaths([...paths])) {
    const answer = await askStore(buildRegistrationCommand(batch, options), toOptions());
    for (const registration of parseRegistrations(answer) ?? []) found.set(registration.path, registration);
  }
  if (found.size !== paths.size) throw new StagingError("The Nix store does not tell what a path refers to");
  return sortByReferences(found);
}

async function askStore(
  command: ReturnType<typeof buildClosureCommand>,
  options: RunCommandOptions,
): Promise<string> {
  const { answer, error } = await runForAnswer(command, options);
  if (error === undefined && !answer.includes("[redacted]")) return answer;
  // What was ended by its time or by the host is not tried in another way.
  if (error !== undefined && error.code !== "ERR_PUSH_FAILED") throw error;
  throw new StagingError("The Nix store does not answer");
}

/** References first; a path that is not in the closure is nobody's business. */
function sortByReferences(found: ReadonlyMap<string, Registration>): Closure {
  const sorted = new Map<string, Registration>();
  const waiting = [...found.keys()].reverse();
  const opened = new Set<string>();
  for (let path = waiting.at(-1); path !== undefined; path = waiting.at(-1)) {
    const registration = found.get(path);
    if (registration === undefined || sorted.has(path) || opened.has(path)) {
      if (registration !== undefined) sorted.set(path, registration);
      waiting.pop();
      continue;
    }
    opened.add(path);
    for (const reference of registration.references) if (!opened.has(reference)) waiting.push(reference);
  }
  return sorted;
}
