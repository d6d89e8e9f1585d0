import { isRecord, type Members, readMember } from "../core/own-member.ts";
import { createNodeRuntime } from "../host/runtime.ts";
import { rememberOrigin } from "./origin.ts";
import { findInlineSecrets, preferInlineSecrets } from "./schema/misplaced-secrets.ts";
import { jobSchema, repositorySchema } from "./schema/repository-schema.ts";
import { findSchemaProblems } from "./schema/schema-issues.ts";
import { collectVocabulary } from "./schema/schema-node.ts";
import { findStructureProblems } from "./schema/structure-problems.ts";
import type { Problem, SafeParseResult } from "./text/diagnostic.ts";
import { parseJsonText } from "./text/json-text.ts";
import type { KeyPath } from "./text/key-path.ts";
import { type LoadConfigOptions, loadText } from "./text/load-text.ts";
import { failParse, finishParse, type ParseConfigOptions, unwrap } from "./text/parse-result.ts";
import type { ProblemText } from "./text/place-problems.ts";
import { ProblemList } from "./text/problem-list.ts";
import { quoteKey } from "./text/secret-forms.ts";
import { decodeText } from "./text/source-text.ts";

/** Largest repository configuration, in bytes. */
const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 32;

/** Keys of the commands that repositories used to name. */
export const HOOK_KEYS = ["post_build_hooks", "fod_post_build_hooks"] as const;

/** Hooks never run, so only the migration reads them. */
const HOOK_KEY_SET: ReadonlySet<string> = new Set(HOOK_KEYS);

let vocabulary: ReadonlySet<string> | undefined;

/** Collected when a text has its first problem. */
function findVocabulary(): ReadonlySet<string> {
  vocabulary ??= new Set([...collectVocabulary(repositorySchema), ...HOOK_KEYS]);
  return vocabulary;
}

/**
 * The untrusted configuration of a repository: which job asks for which caches.
 *
 * @public
 */
export interface RepositoryConfig {
  /** The jobs by name. A name is data: it may be `__proto__`. */
  readonly jobs: ReadonlyMap<string, RepositoryJob>;
}

/**
 * A job of a repository.
 *
 * @public
 */
export interface RepositoryJob {
  /** Ids of the requested caches, at most 64, without duplicates. They need not exist. */
  readonly caches: readonly string[];
}

/**
 * Reads `.eka-ci/config.json`, and throws if it is not usable.
 *
 * @param input - JSON, as text or UTF-8 bytes; at most 256 KiB, 32 levels and 64 caches a job
 * @param options - how diagnostics name the text
 * @throws {@link ConfigError} `ERR_CONFIG_INVALID` with all diagnostics
 *
 * @example
 * ```ts
 * const config = parseRepositoryConfig('{"jobs": {"my-package": {"caches": ["public-cachix"]}}}');
 * config.jobs.get("my-package")?.caches; // ["public-cachix"]
 * ```
 *
 * @public
 */
export function parseRepositoryConfig(
  input: string | Uint8Array,
  options?: ParseConfigOptions,
): RepositoryConfig {
  return unwrap(safeParseRepositoryConfig(input, options), options?.onDiagnostic);
}

/**
 * Reads `.eka-ci/config.json`, and returns all problems instead of throwing.
 *
 * @param input - JSON, as text or UTF-8 bytes; at most 256 KiB, 32 levels and 64 caches a job
 * @param options - how diagnostics name the text
 * @returns the configuration with its warnings, or all diagnostics
 *
 * @example
 * ```ts
 * const result = safeParseRepositoryConfig(bytes);
 * if (result.success) console.log([...result.output.jobs.keys()]);
 * ```
 *
 * @public
 */
export function safeParseRepositoryConfig(
  input: string | Uint8Array,
  options: ParseConfigOptions = {},
): SafeParseResult<RepositoryConfig> {
  const read = readRepositoryText(input, options.source ?? ".eka-ci/config.json");
  if (!read.success) return failParse(read.about, read.problem);
  const { root, about } = read;
  const problems: Problem[] = [
    ...read.problems,
    ...findNearMisses(root),
    ...findHookProblems(root, []),
    ...findInlineSecrets(root, [], {}, HOOK_KEY_SET),
  ];
  const cacheIds = readJobs(root, problems);
  return finishParse(about, new ProblemList(preferInlineSecrets(problems)), () => {
    const jobs = [...cacheIds].map(([name, ids]) => [name, { caches: [...new Set(ids)] }] as const);
    return rememberOrigin({ jobs: new Map(jobs) }, { about, cacheIds });
  });
}

/**
 * Reads a repository's configuration file. The file itself must not be a symbolic link. A link in a parent
 * directory is followed, but only cache ids can be read through it.
 *
 * @param path - path or `file:` URL of the file, usually `<checkout>/.eka-ci/config.json`
 * @param options - ports, and where warnings go
 * @throws {@link ConfigError} `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with
 * all diagnostics
 *
 * @example
 * ```ts
 * const config = await loadRepositoryConfig(`${checkout}/.eka-ci/config.json`);
 * ```
 *
 * @public
 */
export async function loadRepositoryConfig(
  path: string | URL,
  options: LoadConfigOptions = {},
): Promise<RepositoryConfig> {
  const runtime = createNodeRuntime(options.runtime);
  const { source, bytes } = await loadText(path, runtime, { maxBytes: MAX_BYTES, followSymbolicLink: false });
  const result = safeParseRepositoryConfig(bytes, { source });
  return unwrap(result, options.onDiagnostic);
}

/** A repository's file as JSON, or the problem that prevented reading it. */
export type RepositoryText =
  | {
      readonly success: true;
      readonly root: Members;
      readonly problems: readonly Problem[];
      readonly about: ProblemText;
    }
  | { readonly success: false; readonly problem: Problem; readonly about: ProblemText };

/** Reads a repository's file as an object, whatever the object holds. */
export function readRepositoryText(input: string | Uint8Array, source: string): RepositoryText {
  const decoded = decodeText(input, MAX_BYTES);
  const unparsed = { source, text: decoded.text, findVocabulary };
  if (!decoded.success) return { success: false, problem: decoded.problem, about: unparsed };
  const parsed = parseJsonText(decoded.text, MAX_DEPTH);
  if (!parsed.success) return { success: false, problem: parsed.problem, about: unparsed };
  const about = { ...unparsed, findPlaces: parsed.findPlaces };
  if (!isRecord(parsed.value)) return { success: false, problem: notAnObject([]), about };
  return { success: true, root: parsed.value, problems: parsed.problems, about };
}

/** Finds a misspelt `jobs`. Their contents are checked job by job. */
function findNearMisses(root: Members): readonly Problem[] {
  const withoutJobs: Members = Object.assign(Object.create(null), root, { jobs: undefined });
  return findStructureProblems(repositorySchema, withoutJobs);
}

function readJobs(root: Members, problems: Problem[]): ReadonlyMap<string, readonly string[]> {
  const jobs = readMember(root, "jobs");
  if (jobs === undefined) return new Map();
  if (!isRecord(jobs)) {
    problems.push(notAnObject(["jobs"]));
    return new Map();
  }
  return new Map(Object.entries(jobs).map(([name, job]) => [name, readJob(job, ["jobs", name], problems)]));
}

function readJob(job: unknown, path: KeyPath, problems: Problem[]): readonly string[] {
  if (!isRecord(job)) {
    problems.push(notAnObject(path));
    return [];
  }
  // Without a prototype, valibot finds no key in a polluted Object.prototype.
  const own: Members = Object.assign(Object.create(null), job);
  const checked = findSchemaProblems(jobSchema, own, "json");
  const named = checked.output?.caches ?? [];
  const lists = [
    findHookProblems(own, path),
    checked.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    findRepeated(named, [...path, "caches"]),
  ];
  // One by one, because a hostile list has more problems than a call can take arguments.
  for (const list of lists) for (const problem of list) problems.push(problem);
  return named;
}

function findHookProblems(table: Members, path: KeyPath): Problem[] {
  const names = HOOK_KEYS.filter((name) => Object.hasOwn(table, name));
  return names.map((name) => ({
    code: "hooks-ignored",
    severity: "warning",
    message: `${name} never run: a repository names caches, not commands`,
    path: [...path, name],
    part: "key",
    hint: 'Let the operator define a cache, and name its id: "caches": ["s3-cache"]; see "Migration from Arbitrary Hooks"',
  }));
}

/** Says that a value must be an object. */
export function notAnObject(path: KeyPath): Problem {
  const subject = path.length === 0 ? "The text" : `The value of ${quoteKey(path.at(-1))}`;
  const hint = 'As in {"jobs": {"my-package": {"caches": ["production-s3"]}}}';
  return { code: "invalid-type", severity: "error", message: `${subject} must be an object`, path, hint };
}

function findRepeated(named: readonly string[], path: KeyPath): Problem[] {
  const again = named.flatMap((id, index) => (named.indexOf(id) < index ? [index] : []));
  return again.map((index) => ({
    code: "duplicate-cache-reference",
    severity: "warning",
    message: "This cache is named twice; it is used once",
    path: [...path, index],
    hint: "Remove it",
  }));
}
