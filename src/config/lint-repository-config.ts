import { didYouMean } from "../core/suggestion.ts";
import type { AccessRequest, DenyDecision, DenyReason } from "../policy/decision.ts";
import type { GitRef } from "../policy/git-ref.ts";
import { compilePermissions } from "../policy/permissions.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";
import { findOrigin } from "./origin.ts";
import type { RepositoryConfig } from "./repository-config.ts";
import type { ServerConfig } from "./server-model.ts";
import type { Diagnostic } from "./text/diagnostic.ts";
import type { KeyPath } from "./text/key-path.ts";
import { createPlacer, type Placer } from "./text/place-problems.ts";
import { showName } from "./text/secret-forms.ts";

/**
 * Options of {@link lintRepositoryConfig}.
 *
 * @example
 * ```ts
 * const options: LintOptions = { repository: "myorg/myrepo", ref: { type: "branch", name: "main" } };
 * ```
 *
 * @public
 */
export interface LintOptions {
  /**
   * The repository that the configuration belongs to, `owner/name`; without it no permission is evaluated.
   */
  readonly repository?: string | undefined;
  /** The ref that would be built. */
  readonly ref?: GitRef | undefined;
}

/**
 * A cache that a job names and cannot push to: a warning with the code `unknown-cache` or `push-denied`.
 *
 * @public
 */
export interface LintFinding extends Diagnostic {
  /** Name of the job; `***` if it looks like a credential. */
  readonly job: string;
  /** The id that it names; `***` if it looks like a credential. */
  readonly cacheId: string;
  /** The decision about such a push. */
  readonly decision: DenyDecision;
}

/**
 * Checks a repository's configuration against the server's: which jobs name caches that do not exist, and,
 * given a repository and a ref, which pushes would be denied and why. Nothing is fetched or run.
 *
 * Suggestions for an unknown id are limited to caches that this repository may push to (to all, if no
 * repository is given). So a report for the repository's authors never reveals a cache that they may not use.
 *
 * @param repositoryConfig - the repository's configuration; findings have places if it came from a `parse…`
 * or `load…` function
 * @param serverConfig - the server's configuration
 * @param options - whose pushes to judge
 * @returns a finding for each job and cache that would not be pushed to, in the order of the file
 * @throws {@link PermissionError} `ERR_PATTERN_INVALID` if `serverConfig` was written by hand with a bad
 * pattern
 *
 * @example
 * ```ts
 * const findings = lintRepositoryConfig(repositoryConfig, serverConfig, {
 *   repository: "myorg/myrepo",
 *   ref: { type: "branch", name: "main" },
 * });
 * for (const finding of findings) console.log(formatDiagnostic(finding, { style: "annotation" }));
 * ```
 *
 * @public
 */
export function lintRepositoryConfig(
  repositoryConfig: RepositoryConfig,
  serverConfig: ServerConfig,
  options: LintOptions = {},
): readonly LintFinding[] {
  const origin = findOrigin(repositoryConfig);
  const place = createPlacer(
    origin?.about ?? { source: ".eka-ci/config.json", findVocabulary: () => new Set() },
  );
  const judge = createJudge(serverConfig, options);
  return [...repositoryConfig.jobs].flatMap(([job, { caches }]) =>
    caches.flatMap((cacheId, index) => {
      const denial = judge(showName(cacheId));
      const at = origin?.cacheIds?.get(job)?.indexOf(cacheId) ?? index;
      return denial === undefined ? [] : [toFinding(place, denial, job, ["jobs", job, "caches", at])];
    }),
  );
}

interface Denial {
  readonly decision: DenyDecision;
  readonly hint: string;
}

function createJudge(
  serverConfig: ServerConfig,
  { repository, ref }: LintOptions,
): (cacheId: string) => Denial | undefined {
  const request: AccessRequest | undefined = repository === undefined ? undefined : { repository, ref };
  const decisions = new Map(
    serverConfig.caches.map(({ id, permissions }) => [
      id,
      request && compilePermissions(permissions, { cacheId: id }).evaluate(request),
    ]),
  );
  let suggestions = MAX_SUGGESTIONS;
  const permitted = [...decisions].filter(([, decision]) => decision?.effect !== "deny").map(([id]) => id);
  return (cacheId) => {
    const decision = decisions.has(cacheId) ? decisions.get(cacheId) : denyUnknownCache(cacheId);
    if (decision?.effect !== "deny") return undefined;
    const { reason } = decision;
    const suggestion =
      reason === "unknown-cache" && suggestions-- > 0 ? didYouMean(cacheId, permitted) : undefined;
    return { decision, hint: suggestion ?? HINTS[reason] };
  };
}

/** How many unknown ids get a suggestion; a hostile file names thousands. */
const MAX_SUGGESTIONS = 100;

const HINTS: Readonly<Record<DenyReason, string>> = {
  "promotion-not-allowed": "Name a cache in the target's promote_from",
  "unknown-cache": "Name a cache that the operator has defined",
  "repository-not-allowed": "The operator adds the repository to the cache's allowed_repos",
  "branch-not-allowed": "Push from a branch that the cache's allowed_branches match",
  "branch-required": "Name the ref that is built",
  "not-a-branch": "Push from a branch; a tag never satisfies allowed_branches",
  "fork-not-allowed": "Push after the merge, or the operator sets allow_forks = true",
  "no-repositories-allowed": "The operator lists the cache's allowed_repos",
  "invalid-request": "Write the repository as owner/name, and the ref as git does",
};

function toFinding(place: Placer, { decision, hint }: Denial, job: string, path: KeyPath): LintFinding {
  const { cacheId, reason, message } = decision;
  const code = reason === "unknown-cache" ? "unknown-cache" : "push-denied";
  const diagnostic = place({ code, severity: "warning", message, path, hint });
  return { ...diagnostic, job: showName(job), cacheId, decision };
}
