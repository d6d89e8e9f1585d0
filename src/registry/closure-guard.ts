import { type Closure, collectClosure } from "../commands/closure.ts";
import { parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { PushError } from "../core/errors.ts";
import { matchesNamePattern } from "../core/name-pattern.ts";

/** How many names of a chain of references are shown. */
const MAX_SHOWN = 12;

/** Whether a cache has a rule about closures. */
export function isGuarded({ denyPaths, maxClosureBytes, maxPaths }: CacheDefinition): boolean {
  return [denyPaths, maxClosureBytes, maxPaths].some((rule) => rule !== undefined);
}

/**
 * Checks whole closures before anything is sent. It is created once for all requests of a push, and checks
 * each on its own.
 */
export class ClosureGuard {
  readonly #closure: Closure;
  readonly #cache: CacheDefinition;
  /** The paths that a pattern of `deny_paths` matches, each with the pattern. */
  readonly #denied = new Map<string, string>();

  /** @param closure - has all references of the requests' paths */
  constructor(closure: Closure, cache: CacheDefinition, options: StorePathOptions) {
    this.#closure = closure;
    this.#cache = cache;
    for (const path of cache.denyPaths === undefined ? [] : closure.keys()) {
      const { name } = parseStorePath(path, options);
      const pattern = cache.denyPaths?.find((one) => matchesNamePattern(one, name));
      if (pattern !== undefined) this.#denied.set(path, pattern);
    }
  }

  /**
   * Returns why a request is refused, `ERR_CLOSURE_REFUSED`, or nothing. @param roots - the paths to push
   */
  judge(roots: readonly string[]): PushError | undefined {
    const chain = this.#denied.size === 0 ? undefined : this.#findChain(roots);
    if (chain !== undefined) return refused(this.#describe(chain), roots);
    const { maxPaths, maxClosureBytes } = this.#cache;
    if (maxPaths === undefined && maxClosureBytes === undefined) return undefined;
    const closure = collectClosure(roots, this.#closure);
    if (maxPaths !== undefined && closure.size > maxPaths)
      return refused(`The closure has ${closure.size} store paths, and max_paths is ${maxPaths}`, roots);
    const bytes = [...closure.values()].reduce((sum, { narSize }) => sum + narSize, 0);
    return maxClosureBytes !== undefined && bytes > maxClosureBytes
      ? refused(`The closure has ${bytes} bytes, and max_closure_size is ${maxClosureBytes}`, roots)
      : undefined;
  }

  /** The shortest chain of references from a path to a denied one. */
  #findChain(roots: readonly string[]): readonly string[] | undefined {
    const referrers = new Map<string, string | undefined>(roots.map((root) => [root, undefined]));
    // Iterating over a map includes entries that are added meanwhile.
    for (const path of referrers.keys()) {
      if (this.#denied.has(path)) return toChain(path, referrers);
      for (const reference of this.#closure.get(path)?.references ?? [])
        if (!referrers.has(reference)) referrers.set(reference, path);
    }
    return undefined;
  }

  #describe(chain: readonly string[]): string {
    const denied = chain.at(-1) ?? "";
    const pattern = `"${this.#denied.get(denied)}" of deny_paths`;
    if (chain.length === 1) return `${denied} matches ${pattern}`;
    const half = MAX_SHOWN / 2;
    const isLong = chain.length > MAX_SHOWN;
    const shown = isLong ? [...chain.slice(0, half), "...", ...chain.slice(-half)] : chain;
    return `The closure has a path that matches ${pattern}: ${shown.join(" -> ")}`;
  }
}

function toChain(end: string, referrers: ReadonlyMap<string, string | undefined>): readonly string[] {
  const chain: string[] = [];
  for (let path: string | undefined = end; path !== undefined; path = referrers.get(path))
    chain.unshift(path);
  return chain;
}

function refused(message: string, roots: readonly string[]): PushError {
  return new PushError("ERR_CLOSURE_REFUSED", message, roots);
}
