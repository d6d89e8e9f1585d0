import { notAnObject, readRepositoryText } from "../config/repository-config.ts";
import type { ServerConfig } from "../config/server-model.ts";
import type { Diagnostic, Problem } from "../config/text/diagnostic.ts";
import type { KeyPath } from "../config/text/key-path.ts";
import { toConfigError } from "../config/text/parse-result.ts";
import { type ProblemText, placeProblems } from "../config/text/place-problems.ts";
import { ProblemList } from "../config/text/problem-list.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { isRecord, type Members, readMember } from "../core/own-member.ts";
import { explainDecision } from "../policy/decision.ts";
import { compilePermissions } from "../policy/permissions.ts";
import { isRepositoryName } from "../policy/repository-name.ts";
import { CacheList } from "./cache-list.ts";
import { editJson } from "./edit-json.ts";
import { findHooks, type Hook } from "./find-hooks.ts";
import { toHookCache } from "./hook-cache.ts";
import { recogniseCommand } from "./hook-command.ts";
import { findHardCodedCredentials, incomplete, untranslatable } from "./hook-findings.ts";
import { JobLists } from "./job-lists.ts";

/**
 * Options of {@link migrateHooks}.
 *
 * @example
 * ```ts
 * const options: MigrateHooksOptions = {
 *   repository: "myorg/myrepo",
 *   atticServers: { default: "https://attic.example.com" },
 * };
 * ```
 *
 * @public
 */
export interface MigrateHooksOptions {
  /** Name of the file in findings; default `.eka-ci/config.json`. */
  readonly source?: string | undefined;
  /**
   * The only repository, `owner/name`, that may push to the new caches. If absent, none may until the
   * operator adds some.
   */
  readonly repository?: string | undefined;
  /**
   * The server's configuration. If a hook pushed to the destination of one of its caches, that cache is
   * named.
   */
  readonly serverConfig?: ServerConfig | undefined;
  /** Addresses of Attic servers by their name in the hooks; `default` for hooks without a name. */
  readonly atticServers?: Readonly<Record<string, string>> | undefined;
}

/**
 * What {@link migrateHooks} proposes. No credential of a hook is in it.
 *
 * @public
 */
export interface HookMigration {
  /** `[[caches]]` to add to the operator's `ekaci.toml`; empty if there are none to add. */
  readonly serverToml: string;
  /**
   * The repository's file with cache ids instead of hooks, otherwise unchanged, character by character. A
   * credential outside of hooks stays, and is in the findings.
   */
  readonly repositoryJson: string;
  /**
   * What is left to do, in the order of the file: `hard-coded-credential` and `untranslatable-command`
   * (errors), `incomplete-migration` (a warning).
   */
  readonly findings: readonly Diagnostic[];
}

/**
 * Turns the hooks of a repository's file into caches. It recognises `nix copy --to`, `cachix push` and
 * `attic push`, also after `env` and in simple shell scripts. Nothing is executed, and no value that could be
 * a credential is repeated.
 *
 * @param repositoryJson - `.eka-ci/config.json` with `post_build_hooks` or `fod_post_build_hooks`, as text or
 * UTF-8 bytes
 * @param options - what the operator knows
 * @throws {@link ConfigError} `ERR_CONFIG_INVALID` if the file is not a JSON object, or has a duplicate key
 * @throws TypeError if `repository` is not like owner/name
 *
 * @example
 * ```ts
 * const { serverToml, repositoryJson, findings } = migrateHooks(text, { repository: "myorg/myrepo" });
 * for (const finding of findings) console.error(formatDiagnostic(finding, { style: "frame" }));
 * ```
 *
 * @public
 */
export function migrateHooks(
  repositoryJson: string | Uint8Array,
  options: MigrateHooksOptions = {},
): HookMigration {
  const { repository } = options;
  if (repository !== undefined && !isRepositoryName(repository))
    throw new TypeError("The repository is not a full name like owner/name");
  const read = readRepositoryText(repositoryJson, options.source ?? ".eka-ci/config.json");
  const broken = read.success ? [...read.problems, ...findNoJobs(read.root)] : [read.problem];
  if (!read.success || broken.length > 0)
    throw toConfigError(placeProblems(new ProblemList(broken), read.about));
  const caches = new CacheList(options.serverConfig);
  const hooks = findHooks(read.root);
  const translated = hooks.map((hook) => translate(hook, caches, options));
  const lists = new JobLists(read.root, translated);
  const problems = [
    ...findHardCodedCredentials(read.root, hooks),
    ...translated.flatMap((hook) => hook.problems),
    ...lists.problems,
    ...(caches.size > 0 && repository === undefined ? [incomplete([], NOBODY, NOBODY_HINT)] : []),
  ];
  return {
    serverToml: caches.toToml(repository),
    repositoryJson: rewrite(read.about, lists),
    findings: placeProblems(new ProblemList(problems), read.about),
  };
}

const NOBODY = "The new caches allow no repository yet";
const NOBODY_HINT = "List the repositories that may push in allowed_repos";

interface TranslatedHook {
  readonly job: string | undefined;
  readonly cacheIds: readonly string[];
  readonly problems: readonly Problem[];
}

function translate(hook: Hook, caches: CacheList, options: MigrateHooksOptions): TranslatedHook {
  const { job, command, environment, path } = hook;
  const refuse = (reason: string): TranslatedHook => ({
    job,
    cacheIds: [],
    problems: [untranslatable(path, reason)],
  });
  if (command === undefined) return refuse("it has no command");
  const recognised = recogniseCommand(command, environment);
  if (!recognised.success) return refuse(recognised.reason);
  const problems: Problem[] = [];
  const cacheIds: string[] = [];
  for (const push of recognised.pushes) {
    const cache = toHookCache(push, options.atticServers ?? {});
    if (typeof cache === "string") {
      problems.push(untranslatable(path, cache));
      continue;
    }
    const { id, existing, isFirst } = caches.add(cache);
    cacheIds.push(id);
    if (isFirst) problems.push(...cache.notes.map((note) => incomplete(path, note)));
    if (existing !== undefined) problems.push(...explainDenial(existing, options.repository, path));
  }
  return { job, cacheIds, problems: [...problems, ...explainScope(hook, cacheIds)] };
}

/** Reports that a cache of the server does not allow the repository. */
function explainDenial(
  { id, permissions }: CacheDefinition,
  repository: string | undefined,
  path: KeyPath,
): readonly Problem[] {
  if (repository === undefined) return [];
  const decision = compilePermissions(permissions, { cacheId: id }).evaluate({ repository });
  const depends = decision.reason === "branch-required";
  return decision.effect === "allow" || depends ? [] : [incomplete(path, explainDecision(decision))];
}

function explainScope({ job, path, isForFixedOutputs }: Hook, ids: readonly string[]): readonly Problem[] {
  if (ids.length === 0) return [];
  const named = ids.join(", ");
  if (job === undefined)
    return [incomplete(path, `This hook ran for every job; name ${named} in the jobs that are to be pushed`)];
  const message = `This hook ran only for fixed-output derivations; ${named} gets every output of the job`;
  return isForFixedOutputs ? [incomplete(path, message)] : [];
}

/** Hooks are in jobs; there are none if `jobs` is not an object. */
function findNoJobs(root: Members): readonly Problem[] {
  const jobs = readMember(root, "jobs");
  return jobs === undefined || isRecord(jobs) ? [] : [notAnObject(["jobs"])];
}

function rewrite({ text, findPlaces }: ProblemText, lists: JobLists): string {
  const place = findPlaces?.().root;
  if (text === undefined || place?.value === undefined)
    throw new TypeError("A file that was read has no text");
  const object = editJson(text, place, (path) => lists.edit(path));
  return `${text.slice(0, place.value.start)}${object}${text.slice(place.value.end)}`.replace(/^\ufeff/u, "");
}
