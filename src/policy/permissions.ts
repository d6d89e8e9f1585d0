import type { CachePermissions } from "../core/cache.ts";
import { isObject } from "../core/own-member.ts";
import { quoteName } from "../core/text.ts";
import type { AccessRequest, AllowReason, Decision, DenyReason, MatchedRule } from "./decision.ts";
import { PatternList } from "./pattern-list.ts";
import { PermissionError } from "./permission-error.ts";
import { type ReadRequest, readRequest } from "./read-request.ts";

/**
 * Compiled permissions.
 *
 * @example
 * ```ts
 * const policy: CompiledPermissions = compilePermissions({ allowAll: false, allowedRepos: ["company/*"] });
 * policy.evaluate({ repository: "stranger/app" }).effect; // "deny"
 * ```
 *
 * @public
 */
export interface CompiledPermissions {
  /**
   * Decides about one request. It never throws, whatever the request contains, and denies what it does not
   * understand.
   */
  evaluate(request: AccessRequest): Decision;
}

/**
 * Options of {@link compilePermissions}.
 *
 * @example
 * ```ts
 * compilePermissions({ allowAll: true }, { cacheId: "public" }).evaluate({ repository: "o/r" }).cacheId; // "public"
 * ```
 *
 * @public
 */
export interface CompilePermissionsOptions {
  /** The cache id in decisions; default `unnamed-cache`. */
  readonly cacheId?: string | undefined;
}

/**
 * Compiles the permissions of a cache once, so that evaluation is fast. A host can test its policy this way
 * without a registry.
 *
 * @param permissions - the permissions of a parsed configuration
 * @param options - the id in decisions
 * @throws {@link PermissionError} `ERR_PATTERN_INVALID` for a pattern outside the grammar;
 * `ERR_PERMISSIONS_MISSING` if there are no permissions, for example because the cache was not found: nothing
 * must not mean everyone
 *
 * @example
 * ```ts
 * const policy = compilePermissions({
 *   allowAll: false,
 *   allowedRepos: ["company/*"],
 *   allowedBranches: ["main", "release/*"],
 * });
 * policy.evaluate({ repository: "company/app", ref: { type: "branch", name: "release/v1" } }).effect; // "allow"
 * ```
 *
 * @public
 */
export function compilePermissions(
  permissions: CachePermissions,
  options: CompilePermissionsOptions = {},
): CompiledPermissions {
  return new PermissionEvaluator(permissions, options.cacheId ?? "unnamed-cache");
}

/** Compiled permissions that also accept requests which were already read. */
export class PermissionEvaluator implements CompiledPermissions {
  readonly #cacheId: string;
  readonly #allowAll: boolean;
  readonly #allowForks: boolean;
  readonly #repositories: PatternList;
  readonly #branches: PatternList | undefined;

  constructor(permissions: CachePermissions, cacheId: string) {
    if (!isObject(permissions)) {
      const message = `${quoteName(cacheId)} has no permissions; pass those of an existing cache, or { allowAll: true }`;
      throw new PermissionError("ERR_PERMISSIONS_MISSING", message);
    }
    // Inherited members, such as those of a polluted Object.prototype, allow nothing.
    const own: CachePermissions = Object.assign(Object.create(null), permissions);
    const { allowedRepos = [], allowedBranches } = own;
    this.#cacheId = cacheId;
    this.#allowAll = own.allowAll === true;
    this.#allowForks = own.allowForks ?? this.#allowAll;
    this.#repositories = new PatternList("repository", allowedRepos);
    this.#branches = allowedBranches === undefined ? undefined : new PatternList("branch", allowedBranches);
  }

  evaluate(request: AccessRequest): Decision {
    const read = readRequest(request);
    if (read.problem !== undefined) return this.#deny("invalid-request", read.problem);
    if (this.#allowAll) return this.#denyFork(read) ?? this.#allow("allow-all", []);
    return this.#evaluateLists(read);
  }

  #evaluateLists(request: ReadRequest): Decision {
    const { repository } = request;
    const patterns = this.#repositories;
    if (patterns.isEmpty)
      return this.#deny("no-repositories-allowed", "No repository is allowed to use this cache");
    const matched = patterns.find(repository);
    if (matched === undefined)
      return this.#deny("repository-not-allowed", patterns.explainDenial(repository));
    return this.#denyFork(request) ?? this.#evaluateBranch(request, matched);
  }

  #denyFork({ repository, ref }: ReadRequest): Decision | undefined {
    if (this.#allowForks || ref?.type !== "pull-request" || ref.head.repository === repository)
      return undefined;
    const { repository: head } = ref.head;
    const fork = head === null ? "a deleted repository" : quoteName(head);
    return this.#deny(
      "fork-not-allowed",
      `Pull request ${ref.number} comes from ${fork}, and forks are not allowed`,
    );
  }

  #evaluateBranch({ ref }: ReadRequest, repository: MatchedRule): Decision {
    const patterns = this.#branches;
    if (patterns === undefined) return this.#allow("repository-matched", [repository]);
    if (ref === undefined)
      return this.#deny(
        "branch-required",
        "This cache allows only certain branches, and the request has none",
      );
    if (ref.type === "tag") return this.#deny("not-a-branch", `Tag ${quoteName(ref.name)} is not a branch`);
    const branch = ref.type === "branch" ? ref.name : ref.head.branch;
    const matched = patterns.find(branch);
    if (matched !== undefined) return this.#allow("repository-and-branch-matched", [repository, matched]);
    return this.#deny("branch-not-allowed", patterns.explainDenial(branch));
  }

  #allow(reason: AllowReason, matched: readonly MatchedRule[]): Decision {
    return { effect: "allow", cacheId: this.#cacheId, reason, matched };
  }

  #deny(reason: DenyReason, message: string): Decision {
    return { effect: "deny", cacheId: this.#cacheId, reason, message };
  }
}
