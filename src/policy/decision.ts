import { quoteName } from "../core/text.ts";
import type { GitRef } from "./git-ref.ts";

/**
 * Who asks: a repository, and what was built. Take these facts from the CI server, never from the
 * repository's files.
 *
 * @example
 * ```ts
 * const request: AccessRequest = { repository: "myorg/myrepo", ref: { type: "branch", name: "main" } };
 * ```
 *
 * @public
 */
export interface AccessRequest {
  /**
   * The repository that the build ran for, `owner/name`. For a pull request, the repository that it targets.
   */
  readonly repository: string;
  /** What was built; absent if the server does not know. */
  readonly ref?: GitRef | undefined;
}

/**
 * The answer to "may this request push to this cache?".
 *
 * @public
 */
export type Decision = AllowDecision | DenyDecision;

/**
 * Why a push is allowed. `operator-probe` occurs only in audit events of
 * `registry.check({ probe: "write" })`, which does not evaluate permissions.
 *
 * @public
 */
export type AllowReason =
  | "allow-all"
  | "operator-probe"
  | "repository-matched"
  | "repository-and-branch-matched";

/**
 * Why a push is denied.
 *
 * | reason | meaning |
 * |---|---|
 * | `unknown-cache` | no cache has this id |
 * | `repository-not-allowed` | no pattern of `allowed_repos` matches |
 * | `branch-not-allowed` | no pattern of `allowed_branches` matches |
 * | `branch-required` | `allowed_branches` is set, and the request has no ref |
 * | `not-a-branch` | `allowed_branches` is set, and the ref is a tag |
 * | `fork-not-allowed` | the pull request comes from another repository |
 * | `no-repositories-allowed` | `allow_all = false` and no `allowed_repos` |
 * | `promotion-not-allowed` | `promote_from` does not name the cache that the paths come from |
 * | `invalid-request` | a name that git or a forge would refuse |
 *
 * @public
 */
export type DenyReason =
  | "unknown-cache"
  | "repository-not-allowed"
  | "branch-not-allowed"
  | "branch-required"
  | "not-a-branch"
  | "fork-not-allowed"
  | "no-repositories-allowed"
  | "promotion-not-allowed"
  | "invalid-request";

/**
 * A pattern that let a request through.
 *
 * @public
 */
export interface MatchedRule {
  /** The list that has it. */
  readonly list: "allowed_repos" | "allowed_branches";
  /** The pattern as written. */
  readonly pattern: string;
  /** Its place in the list, from 0. */
  readonly index: number;
}

/**
 * The push is allowed.
 *
 * @public
 */
export interface AllowDecision {
  readonly effect: "allow";
  /** The cache it is about. */
  readonly cacheId: string;
  /** Why. */
  readonly reason: AllowReason;
  /** The patterns that matched; empty for `allow-all`. */
  readonly matched: readonly MatchedRule[];
}

/**
 * The push is denied.
 *
 * @public
 */
export interface DenyDecision {
  readonly effect: "deny";
  /** The cache it is about. */
  readonly cacheId: string;
  /** Why, for programs. */
  readonly reason: DenyReason;
  /** Why, for people: one line of printable ASCII. */
  readonly message: string;
}

/**
 * Describes a decision in one line for people.
 *
 * @param decision - any decision
 *
 * @example
 * ```ts
 * explainDecision(registry.authorize("prod-cache", { repository: "myorg/myrepo" }));
 * // "Denied for cache 'prod-cache' (branch-required): …"
 * ```
 *
 * @public
 */
export function explainDecision(decision: Decision): string {
  const cache = `cache '${quoteName(decision.cacheId)}'`;
  switch (decision.effect) {
    case "deny":
      return `Denied for ${cache} (${decision.reason}): ${decision.message}`;
    case "allow": {
      const rules = decision.matched.map((rule) => `${rule.list}[${rule.index}] = "${rule.pattern}"`);
      const because = rules.length === 0 ? "" : `: ${rules.join(", ")}`;
      return `Allowed for ${cache} (${decision.reason})${because}`;
    }
  }
}
