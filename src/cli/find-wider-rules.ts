import { isDeepStrictEqual } from "node:util";
import type { ServerConfig } from "../index.ts";

/** A rule that may let through what the former one did not, whether or not one of the questions shows it. */
export interface WiderRule {
  readonly cache: string;
  /** What is different. */
  readonly rule: string;
}

/**
 * Compares the rules of two configurations by what is written. A pattern with a wildcard that a list did not
 * have before counts as wider: no list of examples proves that the others let all of it through already. A
 * name without one is asked for itself.
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
      // A cache that took everybody takes nobody new.
      ...(rules.allowAll ? [] : gained("allowed_repos", permissions.allowedRepos, rules.allowedRepos ?? [])),
      // Without a list before, every branch was let through.
      ...gained("allowed_branches", permissions.allowedBranches, rules.allowedBranches),
      ...(isDeepStrictEqual(destination, old.destination)
        ? []
        : [{ cache, rule: "its destination is another" }]),
    ];
  });
}

type Patterns = readonly string[] | undefined;
