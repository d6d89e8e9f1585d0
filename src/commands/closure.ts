import { isRecord, type Members, readMember } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import { type LocalPathInfoOptions, toLocalQuestion, toPathInfoEntries } from "./path-info.ts";
import { checkStorePaths, toReferencePaths } from "./store-path.ts";

/**
 * Builds the command that lists the closure of some paths in the host's Nix store. It fails if the store
 * lacks one of them, and needs no network. {@link parseClosure} reads its output.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildClosureCommand(
  storePaths: readonly string[],
  options: LocalPathInfoOptions,
): CommandSpec {
  const args = [...toLocalQuestion(options), "--recursive", "--", ...checkStorePaths(storePaths, options)];
  return { file: "nix", args, env: privateHome(), files: [] };
}

/** What the store knows about a path. */
export interface Registration {
  readonly path: string;
  /** Size of its NAR in bytes. */
  readonly narSize: number;
  /** Its references, without itself. */
  readonly references: readonly string[];
}

/** A closure; each path follows its references. */
export type Closure = ReadonlyMap<string, Registration>;

/**
 * Reads what {@link buildClosureCommand} printed.
 *
 * @returns nothing if the text is not a complete closure
 */
export function parseClosure(stdout: string): Closure | undefined {
  const entries = toPathInfoEntries(parseJson(stdout));
  if (entries === undefined) return undefined;
  const found = new Map<string, Registration>();
  for (const [path, info] of entries) {
    const registration = typeof path === "string" && isRecord(info) ? toRegistration(path, info) : undefined;
    if (registration === undefined) return undefined;
    found.set(registration.path, registration);
  }
  return sortByReferences(found);
}

function toRegistration(path: string, info: Members): Registration | undefined {
  const narSize = readMember(info, "narSize");
  const references = readMember(info, "references");
  if (!Number.isSafeInteger(narSize) || typeof narSize !== "number" || !Array.isArray(references))
    return undefined;
  const directory = path.slice(0, path.lastIndexOf("/"));
  if (!references.every((reference) => typeof reference === "string")) return undefined;
  const others = toReferencePaths(references, directory).filter((other) => other !== path);
  return { path, narSize, references: others };
}

/** Sorts references first; nothing if one is not among the paths. */
export function sortByReferences(found: ReadonlyMap<string, Registration>): Closure | undefined {
  const sorted = new Map<string, Registration>();
  const waiting = [...found.keys()].reverse();
  const opened = new Set<string>();
  for (let path = waiting.at(-1); path !== undefined; path = waiting.at(-1)) {
    const registration = found.get(path);
    if (registration === undefined) return undefined;
    if (opened.has(path)) {
      sorted.set(path, registration);
      waiting.pop();
      continue;
    }
    opened.add(path);
    for (const reference of registration.references) if (!opened.has(reference)) waiting.push(reference);
  }
  return sorted;
}

/** Extracts the closure of some paths from a larger one, in the same order. */
export function collectClosure(roots: readonly string[], closure: Closure): Closure {
  const found = new Set<string>();
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    waiting.push(...(closure.get(path)?.references ?? []));
  }
  return new Map([...closure].filter(([path]) => found.has(path)));
}
