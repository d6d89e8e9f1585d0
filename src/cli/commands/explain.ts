import {
  type AccessRequest,
  createAccessPolicy,
  type Decision,
  describeCacheRules,
  loadServerConfig,
  locateSetting,
  type ServerConfig,
} from "../../decisions/index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { type Output, show } from "../output.ts";
import { describeRef, type RequestFlags, toAccessRequest } from "../request-flags.ts";
import { runCommand } from "../run-command.ts";

type ExplainFlags = CommonFlags & RequestFlags & { readonly cache: string };

/** What would have to change to allow a denied request, by the reason. */
const REMEDIES = {
  "unknown-cache": "define a cache of this id, or correct the id",
  "repository-not-allowed": "add the repository, or a pattern for it, to allowed_repos",
  "branch-not-allowed": "add the branch, or a pattern for it, to allowed_branches",
  "branch-required": "name a branch; a cache with allowed_branches accepts nothing else",
  "not-a-branch": "push from a branch, or remove allowed_branches, which allows no tag",
  "fork-not-allowed": "set allow_forks = true, which lets anyone's code into the cache",
  "no-repositories-allowed": "write allowed_repos, or allow_all = true",
  "promotion-not-allowed": "name the cache that has the paths in promote_from",
  "invalid-request": "correct the name of the repository or ref",
} as const;

export async function explain(this: CliContext, flags: ExplainFlags): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const request = toAccessRequest(flags);
    const config = await loadServerConfig(flags.config);
    const decision = createAccessPolicy(config).authorize(flags.cache, request);
    const rules = findRules(config, decision);
    const pushRules =
      decision.effect === "allow" ? await describePushRules(config, flags.cache, request) : [];
    if (flags.json) output.json({ request, decision, rules, pushRules, remedy: remedyOf(decision) });
    else print(output, request, decision, rules);
    if (!flags.json) for (const rule of pushRules) output.print(`  the cache ${show(rule)}`);
    return decision.effect === "allow" ? EXIT.ok : EXIT.denied;
  });
}

/**
 * The rules of the cache. Their text depends on the way of the upload, which only a registry knows.
 */
async function describePushRules(
  config: ServerConfig,
  cacheId: string,
  request: AccessRequest,
): Promise<readonly string[]> {
  const cache = config.caches.find(({ id }) => id === cacheId);
  if (cache === undefined || describeCacheRules(cache).length === 0) return [];
  const [{ CacheRegistry }, { DECIDE_ONLY }] = await Promise.all([
    import("../../index.ts"),
    import("../decide-only.ts"),
  ]);
  await using registry = new CacheRegistry(config, DECIDE_ONLY);
  const { entries } = registry.plan({ ...request, job: "explain", caches: [cacheId], storePaths: [] });
  return entries.flatMap(({ rules }) => rules);
}

/** A rule and its place. */
interface Rule {
  readonly rule: string;
  readonly place: string | null;
}

function findRules(config: ServerConfig, decision: Decision): readonly Rule[] {
  const index = config.caches.findIndex(({ id }) => id === decision.cacheId);
  if (index === -1) return [];
  const permissions = ["caches", index, "permissions"];
  const at = (rule: string, ...path: readonly (string | number)[]): Rule => {
    const place = locateSetting(config, [...permissions, ...path]);
    const { line, column } = place?.range.start ?? {};
    return { rule, place: place === undefined ? null : `${place.source}:${line}:${column}` };
  };
  if (decision.effect === "allow") {
    const matched = decision.matched.map(({ list, pattern, index: place }) =>
      at(`${list} has ${JSON.stringify(pattern)}`, list, place),
    );
    return matched.length > 0 ? matched : [at("allow_all = true", "allow_all")];
  }
  const key = KEYS[decision.reason];
  return key === undefined ? [] : [at(key, key)];
}

/** The setting that causes a denial. */
const KEYS: Partial<Record<keyof typeof REMEDIES, string>> = {
  "repository-not-allowed": "allowed_repos",
  "branch-not-allowed": "allowed_branches",
  "branch-required": "allowed_branches",
  "not-a-branch": "allowed_branches",
  "fork-not-allowed": "allow_forks",
  "no-repositories-allowed": "allowed_repos",
};

function remedyOf(decision: Decision): string | null {
  return decision.effect === "allow" ? null : REMEDIES[decision.reason];
}

function print(output: Output, request: AccessRequest, decision: Decision, rules: readonly Rule[]): void {
  const isAllowed = decision.effect === "allow";
  const word = isAllowed ? output.style("green", "allowed") : output.style("red", "denied");
  const asked = `${show(request.repository)}, ${show(describeRef(request.ref))}`;
  output.print(`${word}  ${asked} → ${show(decision.cacheId)}: ${decision.reason}`);
  if (!isAllowed) output.print(`  ${show(decision.message)}`);
  for (const { rule, place } of rules)
    output.print(`  ${show(rule)}${place === null ? "" : output.style("dim", `  ${show(place)}`)}`);
  const remedy = remedyOf(decision);
  if (remedy !== null) output.print(`  to allow it: ${remedy}`);
}
