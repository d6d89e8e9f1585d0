import { type Closure, collectClosure } from "../commands/closure.ts";
import { parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { PushError } from "../core/errors.ts";
import { matchesNamePattern } from "../core/name-pattern.ts";

/** Most names of a chain of references that are shown. */
const MAX_SHOWN = 12;

/** Whether a cache has a rule that a closure could break. */
export function isGuarded({ denyPaths, maxClosureBytes, maxPaths }: CacheDefinition): boolean {
  return [denyPaths, maxClosureBytes, maxPaths].some((rule) => rule !== undefined);
}

/**
 * Looks at the whole closure of a push before anything is sent.
 *
 * @param roots - the paths that are to be pushed
 * @param all - a closure that has all that they refer to
 * @throws {@link PushError} `ERR_CLOSURE_REFUSED` for one that breaks a rule of the cache, about the paths that are to blame
 */
export function guardClosure(
  roots: readonly string[],
  all: Closure,
  cache: CacheDefinition,
  options: StorePathOptions,
): void {
  const closure = collectClosure(roots, all);
  for (const pattern of cache.denyPaths ?? []) {
    const isDenied = (path: string): boolean =>
      matchesNamePattern(pattern, parseStorePath(path, options).name);
    const chain = roots
      .map((root) => findChain(root, closure, isDenied))
      .find((found) => found !== undefined);
    if (chain !== undefined) throw toDenied(pattern, chain);
  }
  const { maxPaths, maxClosureBytes } = cache;
  if (maxPaths !== undefined && closure.size > maxPaths)
    throw refused(`The closure has ${closure.size} store paths, and max_paths is ${maxPaths}`, roots);
  const bytes = [...closure.values()].reduce((sum, { narSize }) => sum + narSize, 0);
  if (maxClosureBytes !== undefined && bytes > maxClosureBytes)
    throw refused(`The closure has ${bytes} bytes, and max_closure_size is ${maxClosureBytes}`, roots);
}

/** The shortest chain of references from a path to one that is looked for. */
function findChain(
  root: string,
  closure: Closure,
  isWanted: (path: string) => boolean,
): readonly string[] | undefined {
  const referrers = new Map<string, string | undefined>([[root, undefined]]);
  for (const path of referrers.keys()) {
    if (isWanted(path)) return toChain(path, referrers);
    // A map goes on with what is added to it.
    for (const reference of closure.get(path)?.references ?? [])
      if (!referrers.has(reference)) referrers.set(reference, path);
  }
  return undefined;
}

function toChain(end: string, referrers: ReadonlyMap<string, string | undefined>): readonly string[] {
  const chain: string[] = [];
  for (let path: string | undefined = end; path !== undefined; path = referrers.get(path))
    chain.unshift(path);
  return chain;
}

function toDenied(pattern: string, chain: readonly string[]): PushError {
  const [root = ""] = chain;
  const half = MAX_SHOWN / 2;
  const isLong = chain.length > MAX_SHOWN;
  const shown = isLong ? [...chain.slice(0, half), "...", ...chain.slice(-half)] : chain;
  const message =
    chain.length === 1
      ? `${root} matches "${pattern}" of deny_paths`
      : `The closure has a path that matches "${pattern}" of deny_paths: ${shown.join(" -> ")}`;
  return refused(message, [root]);
}

function refused(message: string, roots: readonly string[]): PushError {
  return new PushError("ERR_CLOSURE_REFUSED", message, roots);
}
