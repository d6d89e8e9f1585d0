import * as v from "valibot";
import { readMember } from "../own-member.ts";
import { createNodeRuntime } from "../runtime.ts";
import { quoteName } from "../text.ts";
import type { Problem, SafeParseResult } from "./diagnostic.ts";
import { parseJsonText } from "./json-text.ts";
import { type LoadConfigOptions, loadText } from "./load-text.ts";
import { failParse, finishParse, type ParseConfigOptions, unwrap } from "./parse-result.ts";
import { coded, findSchemaProblems, isTable, type Table } from "./schema-issues.ts";
import { CACHE_ID, CACHE_ID_PROBLEM } from "./server-schema.ts";
import { decodeText } from "./source-text.ts";

/** Largest repository configuration, in bytes. */
const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 32;
const MAX_CACHES = 64;

/**
 * The untrusted configuration of a repository: which job asks for which caches, and no more.
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
  /** Ids of caches it asks for, at most 64, none twice. They need not exist. */
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
  const source = options.source ?? ".eka-ci/config.json";
  const decoded = decodeText(input, MAX_BYTES);
  if (!decoded.success) return failParse(source, [decoded.problem]);
  const parsed = parseJsonText(decoded.text, MAX_DEPTH);
  if (!parsed.success) return failParse(source, [parsed.problem]);
  if (!isTable(parsed.value)) return failParse(source, [notAnObject([])]);
  const problems: Problem[] = [...parsed.problems, ...findHooks(parsed.value, [])];
  const jobs = readJobs(parsed.value, problems);
  return finishParse(source, problems, () => ({ jobs }));
}

/**
 * Reads a repository's configuration file. A symbolic link in its own place is refused; of what a link further up leads
 * to, nothing but cache ids comes out either.
 *
 * @param path - path or `file:` URL of the file, as a rule `<checkout>/.eka-ci/config.json`
 * @param options - ports, and where warnings go
 * @throws {@link ConfigError} `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with all
 * diagnostics
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

const cacheIds = v.array(v.pipe(v.string(), v.regex(CACHE_ID, coded("invalid-cache-id", CACHE_ID_PROBLEM))));

function readJobs(root: Table, problems: Problem[]): ReadonlyMap<string, RepositoryJob> {
  const jobs = readMember(root, "jobs") ?? {};
  if (!isTable(jobs)) {
    problems.push(notAnObject(["jobs"]));
    return new Map();
  }
  return new Map(Object.entries(jobs).map(([name, job]) => [name, readJob(job, ["jobs", name], problems)]));
}

function readJob(job: unknown, path: Problem["path"], problems: Problem[]): RepositoryJob {
  if (!isTable(job)) {
    problems.push(notAnObject(path));
    return { caches: [] };
  }
  problems.push(...findHooks(job, path));
  const cachesPath = [...path, "caches"];
  const named = readMember(job, "caches") ?? [];
  if (Array.isArray(named) && named.length > MAX_CACHES) {
    problems.push(tooMany(cachesPath));
    return { caches: [] };
  }
  const checked = findSchemaProblems(cacheIds, named);
  problems.push(
    ...checked.problems.map((problem) => ({ ...problem, path: [...cachesPath, ...problem.path] })),
  );
  const caches = [...new Set(checked.output ?? [])];
  if (caches.length < (checked.output?.length ?? 0)) problems.push(namedTwice(cachesPath));
  return { caches };
}

function findHooks(table: Table, path: Problem["path"]): Problem[] {
  const names = ["post_build_hooks", "fod_post_build_hooks"].filter((name) => Object.hasOwn(table, name));
  return names.map((name) => ({
    code: "hooks-ignored",
    severity: "warning",
    message: `${name} never run: a repository names caches, not commands`,
    path: [...path, name],
    hint: 'Have the operator define a cache, and name its id: "caches": ["s3-cache"]; see "Migration from Arbitrary Hooks"',
  }));
}

function notAnObject(path: Problem["path"]): Problem {
  const subject = path.length === 0 ? "The text" : `The value of ${quoteName(String(path.at(-1)), 64)}`;
  return { code: "invalid-type", severity: "error", message: `${subject} must be an object`, path };
}

function tooMany(path: Problem["path"]): Problem {
  return {
    code: "too-many-caches",
    severity: "error",
    message: `A job names at most ${MAX_CACHES} caches`,
    path,
  };
}

function namedTwice(path: Problem["path"]): Problem {
  const message = "A cache is named twice; it is used once";
  return { code: "duplicate-cache-reference", severity: "warning", message, path };
}
