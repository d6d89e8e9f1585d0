import { quoteName } from "../core/text.ts";
import type { AccessRequest, Decision } from "../policy/decision.ts";
import { PermissionEvaluator } from "../policy/permissions.ts";
import { readCacheId } from "../policy/read-cache-id.ts";
import { readRequest } from "../policy/read-request.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";
import { rejectCache } from "./reject-cache.ts";
import type { ServerConfig } from "./server-model.ts";

/**
 * Who may push to the caches of a configuration.
 *
 * @example
 * ```ts
 * const policy: AccessPolicy = createAccessPolicy(await loadServerConfig());
 * policy.authorize("team-cache", { repository: "myorg/myrepo" }).effect; // "allow" or "deny"
 * ```
 *
 * @public
 */
export interface AccessPolicy {
  /**
   * Decides whether a request may push to a cache. It is pure and never throws; an unknown id or an invalid
   * request is denied.
   *
   * @param cacheId - any text
   * @param request - the repository and what was built
   */
  authorize(cacheId: string, request: AccessRequest): Decision;
}

/**
 * Compiles the permissions of all caches, for a program that only decides. The decisions are those of
 * {@link CacheRegistry.authorize}.
 *
 * @param config - a configuration, parsed or written by hand
 * @throws {@link ConfigError} `ERR_CONFIG_INVALID` for an id that two caches have
 * @throws {@link PermissionError} `ERR_PATTERN_INVALID` for a pattern outside the grammar,
 * `ERR_PERMISSIONS_MISSING` for a cache without permissions
 *
 * @example
 * ```ts
 * const policy = createAccessPolicy(await loadServerConfig("/etc/eka-ci/ekaci.toml"));
 * const decision = policy.authorize("team-cache", {
 *   repository: "myorg/myrepo",
 *   ref: { type: "branch", name: "main" },
 * });
 * console.log(explainDecision(decision));
 * ```
 *
 * @public
 */
export function createAccessPolicy(config: ServerConfig): AccessPolicy {
  const evaluators = compileCaches(config);
  return {
    authorize: (cacheId, request) => {
      const id = readCacheId(cacheId);
      return evaluators.get(id)?.evaluate(readRequest(request)) ?? denyUnknownCache(id);
    },
  };
}

/** The permissions of each cache, by its id. */
export function compileCaches({ caches }: ServerConfig): ReadonlyMap<string, PermissionEvaluator> {
  const evaluators = new Map<string, PermissionEvaluator>();
  for (const [index, { id, permissions }] of caches.entries()) {
    if (evaluators.has(id))
      throw rejectCache(index, "id", "duplicate-cache-id", `Another cache has the id ${quoteName(id)}`);
    evaluators.set(id, new PermissionEvaluator(permissions, id));
  }
  return evaluators;
}
