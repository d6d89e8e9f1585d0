import { ConfigError } from "../../errors.ts";
import { isRepositoryName } from "../../policy/repository-name.ts";
import type { Diagnostic, Problem } from "../diagnostic.ts";
import { formatDiagnostic } from "../format-diagnostic.ts";
import { placeProblems } from "../place-problems.ts";
import { readRepositoryText } from "../repository-config.ts";
import type { ServerConfig } from "../server-config.ts";
import { CacheList } from "./cache-list.ts";
import { CacheLists } from "./cache-lists.ts";
import { editJson } from "./edit-json.ts";
import { findHooks, type Hook } from "./find-hooks.ts";
import { toHookCache } from "./hook-cache.ts";
import { recogniseCommand } from "./hook-command.ts";
import { findHardCodedCredentials, incomplete, untranslatable } from "./hook-findings.ts";

/**
 * Options of {@link migrateHooks}.
 *
 * @public
 */
export interface MigrateHooksOptions {
  /** Name of the file in findings; default `.eka-ci/config.json`. */
  readonly source?: string | undefined;
  /** The repository, `owner/name`, that alone may push to the new caches; absent: none may until the operator names some. */
  readonly repository?: string | undefined;
  /** What the server has already: its caches are named where a hook pushed to the same destination. */
  readonly serverConfig?: ServerConfig | undefined;
  /** Addresses of attic servers by the name that the hooks use; `default` for hooks that use none. */
  readonly atticServers?: Readonly<Record<string, string>> | undefined;
}

/**
 * What {@link migrateHooks} proposes. Nothing in it holds a credential.
 *
 * @public
 */
export interface HookMigration {
  /** `[[caches]]` to add to the operator's `ekaci.toml`; empty if there are none to add. */
  readonly serverToml: string;
  /** The repository's file without hooks, with cache ids instead; else as it was, character by character. */
  readonly repositoryJson: string;
  /**
   * What is left to do, in the order of the file: `hard-coded-credential` and `untranslatable-command` (errors),
   * `incomplete-migration` (a warning).
   */
  readonly findings: readonly Diagnostic[];
}

/**
 * Turns the hooks of a repository's file into caches. It recognises `nix copy --to`, `cachix push` and `attic push`, also
 * behind `env` and in shell scripts that run commands in a row. Nothing is executed, and no value that could be a
 * credential is repeated.
 *
 * @param repositoryJson - `.eka-ci/config.json` with `post_build_hooks` or `fod_post_build_hooks`, as text or UTF-8 bytes
 * @param options - what the operator knows
 * @throws {@link ConfigError} `ERR_CONFIG_INVALID` if the file is no JSON object, or has a key twice
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
  const broken = read.success ? read.problems : [read.problem];
  if (!read.success || broken.length > 0) throw toConfigError(placeProblems(broken, read.about));
  const caches = new CacheList(options.serverConfig);
  const translated = findHooks(read.root).map((hook) => translate(hook, caches, options));
  const problems = translated.flatMap((hook) => hook.problems);
  if (caches.size > 0 && repository === undefined) problems.push(incomplete([], NOBODY, NOBODY_HINT));
  return {
    serverToml: caches.toToml(repository),
    repositoryJson: rewrite(read, translated),
    findings: placeProblems(problems, read.about),
  };
}

const NOBODY = "The new caches admit no repository yet";
const NOBODY_HINT = "List the repositories that may push in allowed_repos";

function toConfigError(diagnostics: readonly Diagnostic[]): ConfigError {
  const listed = diagnostics.slice(0, 20).map((diagnostic) => `\n  ${formatDiagnostic(diagnostic)}`);
  return new ConfigError("ERR_CONFIG_INVALID", `The file cannot be migrated:${listed.join("")}`, diagnostics);
}

interface TranslatedHook {
  readonly job: string | undefined;
  readonly cacheIds: readonly string[];
  readonly problems: readonly Problem[];
}

function translate(hook: Hook, caches: CacheList, options: MigrateHooksOptions): TranslatedHook {
  const problems = [...findHardCodedCredentials(hook)];
  const cacheIds: string[] = [];
  const refuse = (reason: string): number => problems.push(untranslatable(hook.path, reason));
  const recognised =
    hook.command === undefined
      ? ({ success: false, reason: "it has no command" } as const)
      : recogniseCommand(hook.command, hook.environment);
  if (!recognised.success) refuse(recognised.reason);
  else {
    const context = { environment: recognised.environment, atticServers: options.atticServers ?? {} };
    for (const push of recognised.pushes) {
      const cache = toHookCache(push, context);
      if (typeof cache === "string") {
        refuse(cache);
        continue;
      }
      const { id, isNew } = caches.add(cache);
      cacheIds.push(id);
      if (isNew) problems.push(...cache.notes.map((note) => incomplete(hook.path, note)));
    }
    if (cacheIds.length > 0) problems.push(...explainScope(hook, cacheIds));
  }
  return { job: hook.job, cacheIds, problems };
}

function explainScope({ job, path, isForFixedOutputs }: Hook, ids: readonly string[]): readonly Problem[] {
  const named = ids.join(", ");
  if (job === undefined)
    return [incomplete(path, `This hook ran for every job; name ${named} in the jobs that are to be pushed`)];
  const message = `This hook ran for fixed-output derivations only; ${named} gets every output of the job`;
  return isForFixedOutputs ? [incomplete(path, message)] : [];
}

function rewrite(
  { root, about }: Extract<ReturnType<typeof readRepositoryText>, { success: true }>,
  hooks: readonly TranslatedHook[],
): string {
  const { text, findPlaces } = about;
  const place = findPlaces?.().root;
  if (text === undefined || place?.value === undefined)
    throw new TypeError("A file that was read has no text");
  const lists = new CacheLists(root, hooks);
  const object = editJson(text, place, (path) => lists.edit(path));
  return `${text.slice(0, place.value.start)}${object}${text.slice(place.value.end)}`.replace(/^\ufeff/u, "");
}
