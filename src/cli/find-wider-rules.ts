import { isDeepStrictEqual } from "node:util";
import type { ServerConfig } from "../index.ts";

/** A rule that may allow more than before, even if no question of the matrix shows it. */
export interface WiderRule {
  readonly cache: string;
  /** What changed. */
  readonly rule: string;
}

/**
 * Compares the written rules of two configurations. A new pattern with a wildcard counts as wider, because no
 * list of examples proves that the old ones already allowed all of it. A new name without a wildcard is
 * tested as a question.
 */
export function findWiderRules(former: ServerConfig, next: ServerConfig): readonly WiderRule[] {
  const before = new Map(former.caches.map((cache) => [cache.id, cache]));
  return next.caches.flatMap(({ id: cache, permissions, destination }) => {
    const old = before.get(cache);
    if (old === undefined) return [];
    const gained = (
      name: "allowed_repos" | "allowed_branches",
      own: Patterns,
      others: Patterns,
    ): readonly WiderRule[] =>
      (own ?? [])
        .filter((pattern) => pattern.includes("*") && others?.includes(pattern) === false)
        .map((pattern) => ({ cache, rule: `${name} gains ${JSON.stringify(pattern)}` }));
    const { permissions: rules } = old;
    return [
      // A cache that already allowed every repository gains none.
      ...(rules.allowAll ? [] : gained("allowed_repos", permissions.allowedRepos, rules.allowedRepos ?? [])),
      // Without a list before, every branch was allowed.
      ...gained("allowed_branches", permissions.allowedBranches, rules.allowedBranches),
      ...(isDeepStrictEqual(destination, old.destination)
        ? []
        : [{ cache, rule: "its destination is another" }]),
    ];
  });
}

type Patterns = readonly string[] | undefined;
