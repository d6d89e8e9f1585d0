import { HOOK_KEYS } from "../config/repository-config.ts";
import type { KeyPath } from "../config/text/key-path.ts";
import { isObject, isRecord, type Members, readMember, toMembers } from "../core/own-member.ts";
import { splitAssignment } from "../core/text.ts";

/** A hook in the file. */
export interface Hook {
  /** Its job; absent for a hook beside the jobs. */
  readonly job: string | undefined;
  readonly path: KeyPath;
  /** An argv, a shell script, or nothing if it is not a command. */
  readonly command: readonly string[] | string | undefined;
  readonly environment: ReadonlyMap<string, string>;
  /** Whether it applied only to fixed-output derivations. */
  readonly isForFixedOutputs: boolean;
}

/** Collects the hooks of a repository's file, those of jobs and those beside them. */
export function findHooks(root: Members): readonly Hook[] {
  const jobs = toMembers(readMember(root, "jobs"));
  return [
    ...hooksOf(root, undefined, []),
    ...Object.entries(jobs).flatMap(([job, table]) =>
      isRecord(table) ? hooksOf(table, job, ["jobs", job]) : [],
    ),
  ];
}

function hooksOf(table: Members, job: string | undefined, path: KeyPath): readonly Hook[] {
  return HOOK_KEYS.flatMap((key) => {
    const list = readMember(table, key);
    if (list === undefined) return [];
    const isForFixedOutputs = key === "fod_post_build_hooks";
    const hooks: readonly unknown[] = Array.isArray(list) ? list : [list];
    return hooks.map((hook, index) => ({
      job,
      path: Array.isArray(list) ? [...path, key, index] : [...path, key],
      command: readCommand(hook),
      environment: readEnvironment(hook),
      isForFixedOutputs,
    }));
  });
}

function readCommand(hook: unknown): Hook["command"] {
  const command = isObject(hook) && !Array.isArray(hook) ? readMember(hook, "command") : hook;
  if (typeof command === "string") return command;
  const isArgv = Array.isArray(command) && command.every((word) => typeof word === "string");
  return isArgv ? command : undefined;
}

/** Variables as an object of texts or numbers, or as a list of `NAME=value`. */
function readEnvironment(hook: unknown): ReadonlyMap<string, string> {
  const environment = readMember(toMembers(hook), "env");
  if (Array.isArray(environment)) return new Map(environment.map((entry) => splitAssignment(String(entry))));
  const entries = Object.entries(toMembers(environment));
  return new Map(entries.map(([name, value]) => [name, isObject(value) ? "" : String(value ?? "")]));
}
