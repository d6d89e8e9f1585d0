import type { CachePermissions } from "../cache.ts";
import { quoteName } from "../text.ts";
import type { AccessRequest, AllowReason, Decision, DenyReason, MatchedRule } from "./decision.ts";
import { type CompiledPattern, compilePattern } from "./pattern.ts";
import { readRequest } from "./request.ts";

/**
 * Permissions, ready to answer.
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
   * Decides one request. Total: it never throws, whatever the request holds, and denies what it does not
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
  /** The id that decisions carry; default `unnamed-cache`. */
  readonly cacheId?: string | undefined;
}

/**
 * Compiles the permissions of a cache once, so that evaluation is cheap. It stands alone: a host can test its
 * policy without a registry.
 *
 * @param permissions - the permissions; absent means any repository and any ref
 * @param options - what decisions carry
 * @throws {@link PermissionError} `ERR_PATTERN_INVALID` for a pattern outside the grammar
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
  permissions: CachePermissions | undefined,
  options: CompilePermissionsOptions = {},
): CompiledPermissions {
  return new PermissionEvaluator(permissions ?? { allowAll: true }, options.cacheId ?? "unnamed-cache");
}

class PermissionEvaluator implements CompiledPermissions {
  readonly #cacheId: string;
  readonly #allowAll: boolean;
  readonly #allowForks: boolean;
  readonly #repositories: readonly CompiledPattern[];
  readonly #branches: readonly CompiledPattern[] | undefined;

  constructor(permissions: CachePermissions, cacheId: string) {
    this.#cacheId = cacheId;
    this.#allowAll = permissions.allowAll === true;
    this.#allowForks = permissions.allowForks ?? this.#allowAll;
    this.#repositories = (permissions.allowedRepos ?? []).map((source) =>
      compilePattern("repository", source),
    );
    this.#branches = permissions.allowedBranches?.map((source) => compilePattern("branch", source));
  }

  evaluate(request: AccessRequest): Decision {
    const read = readRequest(request);
    if (!read.success) return this.#deny("invalid-request", read.problem);
    if (this.#allowAll) return this.#denyFork(read.request) ?? this.#allow("allow-all", []);
    return this.#evaluateLists(read.request);
  }

  #evaluateLists(request: AccessRequest): Decision {
    if (this.#repositories.length === 0) {
      return this.#deny("no-repositories-allowed", "No repository is allowed to use this cache");
    }
    const index = this.#repositories.findIndex((pattern) => pattern.matches(request.repository));
    const matched = toRule("allowed_repos", this.#repositories, index);
    if (matched === undefined) {
      const hint = explainCase(this.#repositories, request.repository);
      return this.#deny(
        "repository-not-allowed",
        `Repository ${quoteName(request.repository)} is not allowed${hint}`,
      );
    }
    return this.#denyFork(request) ?? this.#evaluateBranch(request, matched);
  }

  #denyFork({ repository, ref }: AccessRequest): Decision | undefined {
    if (this.#allowForks || ref?.type !== "pull-request" || ref.head.repository === repository)
      return undefined;
    const fork = quoteName(ref.head.repository);
    return this.#deny(
      "fork-not-allowed",
      `Pull request ${ref.number} comes from ${fork}, and forks are not allowed`,
    );
  }

  #evaluateBranch({ ref }: AccessRequest, repository: MatchedRule): Decision {
    const patterns = this.#branches;
    if (patterns === undefined) return this.#allow("repository-matched", [repository]);
    if (ref === undefined)
      return this.#deny("branch-required", "This cache allows named branches, and none was given");
    if (ref.type === "tag") return this.#deny("not-a-branch", `Tag ${quoteName(ref.name)} is not a branch`);
    const branch = ref.type === "branch" ? ref.name : ref.head.branch;
    const index = patterns.findIndex((pattern) => pattern.matches(branch));
    const matched = toRule("allowed_branches", patterns, index);
    if (matched !== undefined) return this.#allow("repository-and-branch-matched", [repository, matched]);
    const hint = explainCase(patterns, branch);
    return this.#deny("branch-not-allowed", `Branch ${quoteName(branch)} is not allowed${hint}`);
  }

  #allow(reason: AllowReason, matched: readonly MatchedRule[]): Decision {
    return { effect: "allow", cacheId: this.#cacheId, reason, matched };
  }

  #deny(reason: DenyReason, message: string): Decision {
    return { effect: "deny", cacheId: this.#cacheId, reason, message };
  }
}

function toRule(
  list: MatchedRule["list"],
  patterns: readonly CompiledPattern[],
  index: number,
): MatchedRule | undefined {
  const pattern = patterns[index];
  return pattern === undefined ? undefined : { list, pattern: pattern.source, index };
}

function explainCase(patterns: readonly CompiledPattern[], name: string): string {
  const near = patterns.find((pattern) => pattern.matchesIgnoringCase(name));
  return near === undefined ? "" : `; it differs only by letter case from the allowed ${near.source}`;
}
