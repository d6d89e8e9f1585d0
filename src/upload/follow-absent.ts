import type { Narinfo } from "../binary-cache/narinfo.ts";
import { type Closure, sortByReferences } from "../commands/closure.ts";
import { DEFAULT_STORE_DIRECTORY, toReferencePaths } from "../commands/store-path.ts";
import { type FindKnownOptions, findKnownPaths } from "./ask-binary-cache.ts";

/** What is known before, and how to ask the cache. */
export interface FollowAbsentOptions extends FindKnownOptions {
  /** The paths that the cache has, with the narinfos of those that were asked for. */
  readonly known: ReadonlyMap<string, Narinfo | undefined>;
  readonly closure: Closure;
  /** Paths that readers get elsewhere. */
  readonly upstream: ReadonlySet<string>;
}

/** What is known afterwards. */
export interface FollowedPaths {
  readonly known: ReadonlyMap<string, Narinfo | undefined>;
  readonly closure: Closure;
}

/**
 * Follows paths whose references only the cache knows, transitively. Afterwards the closure has them; what
 * the cache lacks of them is not known.
 *
 * @param absent - the paths that the source does not have
 */
export async function followAbsent(
  absent: ReadonlySet<string>,
  { closure, upstream, ...asked }: FollowAbsentOptions,
): Promise<FollowedPaths> {
  const { storeDirectory = DEFAULT_STORE_DIRECTORY } = asked;
  const found = new Map(closure);
  const known = new Map(asked.known);
  let wave = [...absent].filter((path) => found.has(path) && !upstream.has(path));
  while (wave.length > 0) {
    const said = await findKnownPaths({ ...asked, paths: wave, roots: wave, presence: undefined });
    for (const path of wave) {
      const narinfo = said.get(path);
      if (narinfo === undefined) known.delete(path);
      else known.set(path, narinfo);
      const whole = toReferencePaths(narinfo?.references ?? [], storeDirectory);
      const isLeft = (other: string): boolean => upstream.has(other) && !found.has(other);
      const references = whole.filter((other) => other !== path && !isLeft(other));
      found.set(path, { path, narSize: narinfo?.narSize ?? 0, references });
    }
    const next = new Set(wave.flatMap((path) => found.get(path)?.references ?? []));
    wave = [...next].filter((path) => !found.has(path) && !upstream.has(path));
  }
  return { known, closure: sortByReferences(found) ?? closure };
}
