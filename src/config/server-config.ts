import { type Members, toMembers } from "../core/own-member.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import { rememberOrigin } from "./origin.ts";
import { checkServerRoot, createCacheCheck, refineHint } from "./rules/server-checks.ts";
import { isFaultlessValue } from "./schema/faultless-value.ts";
import { preferInlineSecrets } from "./schema/misplaced-secrets.ts";
import { findSchemaProblems } from "./schema/schema-issues.ts";
import { collectVocabulary } from "./schema/schema-node.ts";
import { type CacheWire, type ServerWire, serverSchema } from "./schema/server-schema.ts";
import { type CheckedCache, type ServerConfig, toServerConfig } from "./server-model.ts";
import type { Problem, SafeParseResult } from "./text/diagnostic.ts";
import { type LoadConfigOptions, loadText } from "./text/load-text.ts";
import { failParse, finishParse, type ParseConfigOptions, unwrap } from "./text/parse-result.ts";
import { ProblemList } from "./text/problem-list.ts";
import { decodeText } from "./text/source-text.ts";
import { parseTomlText } from "./text/toml-text.ts";
import { findTooDeepKey } from "./text/too-deep-key.ts";

/** Largest server configuration, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_KEY_DEPTH = 8;

let vocabulary: ReadonlySet<string> | undefined;

/** Collected when a text has its first problem. */
function findVocabulary(): ReadonlySet<string> {
  vocabulary ??= collectVocabulary(serverSchema);
  return vocabulary;
}

/**
 * Reads `ekaci.toml`, and throws if it is not usable.
 *
 * @param input - TOML 1.1, as text or UTF-8 bytes; at most 4 MiB, keys nested at most 8 deep
 * @param options - how diagnostics name the text
 * @throws {@link ConfigError} `ERR_CONFIG_INVALID` with all diagnostics
 *
 * @example
 * ```ts
 * const config = parseServerConfig(`
 *   [[caches]]
 *   id = "public-cachix"
 *   cache_type = "cachix"
 *   destination = "my-oss-project"
 *   credentials = { cachix-token = { env_var = "CACHIX_AUTH_TOKEN" } }
 *   permissions = { allow_all = true }
 * `);
 * ```
 *
 * @public
 */
export function parseServerConfig(input: string | Uint8Array, options?: ParseConfigOptions): ServerConfig {
  return unwrap(safeParseServerConfig(input, options), options?.onDiagnostic);
}

/**
 * Reads `ekaci.toml`, and returns all problems instead of throwing.
 *
 * @param input - TOML 1.1, as text or UTF-8 bytes; at most 4 MiB, keys nested at most 8 deep
 * @param options - how diagnostics name the text
 * @returns the configuration with its warnings, or all diagnostics
 *
 * @example
 * ```ts
 * const result = safeParseServerConfig(text, { source: "ekaci.toml" });
 * if (!result.success) console.error(result.diagnostics.map((d) => formatDiagnostic(d)).join("\n"));
 * ```
 *
 * @public
 */
export function safeParseServerConfig(
  input: string | Uint8Array,
  options: ParseConfigOptions = {},
): SafeParseResult<ServerConfig> {
  const decoded = decodeText(input, MAX_BYTES);
  const source = options.source ?? "ekaci.toml";
  const unparsed = { source, text: decoded.text, findVocabulary };
  if (!decoded.success) return failParse(unparsed, decoded.problem);
  const parsed = parseTomlText(decoded.text);
  if (!parsed.success) return failParse(unparsed, parsed.problem);
  const about = { ...unparsed, findPlaces: parsed.findPlaces };
  const root = toMembers(parsed.value);
  const tables = root["caches"];
  const faultless = isFaultlessValue(serverSchema.entries.caches, tables) ? tables : undefined;
  const tooDeep = findTooDeepKey(faultless === undefined ? root : withoutCaches(root), MAX_KEY_DEPTH);
  if (tooDeep !== undefined) return failParse(about, tooDeep);
  const { problems, security, caches } = checkServer(root, faultless);
  return finishParse(about, problems, () => rememberOrigin(toServerConfig(security, caches), { about }));
}

/**
 * How many caches are checked at a time. Each may have dozens of problems, and only a limited number is kept.
 */
const BATCH = 256;

interface CheckedServer {
  readonly problems: ProblemList;
  readonly security: ServerWire["security"];
  readonly caches: readonly CheckedCache[];
}

/** The file's other tables; a list of caches is empty. */
function withoutCaches(root: Members): Members {
  return Array.isArray(root["caches"]) ? Object.assign(Object.create(null), root, { caches: [] }) : root;
}

/** @param faultless - the caches, if all of them match the schema */
function checkServer(root: Members, faultless: readonly CacheWire[] | undefined): CheckedServer {
  const problems = new ProblemList();
  const tables: readonly unknown[] = Array.isArray(root["caches"]) ? root["caches"] : [];
  const checked = findSchemaProblems(serverSchema, withoutCaches(root), "toml");
  problems.add(preferInlineSecrets([...checked.problems, ...checkServerRoot(root)]));
  const caches: CheckedCache[] = [];
  const checkCaches = createCacheCheck(root);
  for (let first = 0; first < tables.length; first += BATCH) {
    const batch = { caches: tables.slice(first, first + BATCH) };
    const explain = !problems.isFull;
    const { problems: ofSchema, output } =
      faultless === undefined
        ? findSchemaProblems(serverSchema, batch, "toml", { explain })
        : { problems: [], output: { caches: faultless.slice(first, first + BATCH) } };
    const ofRules = checkCaches(batch.caches, first, faultless !== undefined);
    const shifted = ofSchema.map((problem) => shift(explain ? refineHint(problem, batch) : problem, first));
    problems.add(preferInlineSecrets([...shifted, ...ofRules.problems]));
    // A text with an error yields no configuration, so nothing is kept for it.
    if (problems.hasError) continue;
    for (const [index, wire] of (output?.caches ?? []).entries())
      caches.push({ wire, destination: ofRules.destinations[index] });
  }
  return { problems, security: checked.output?.security, caches };
}

/** Counts caches from the first of the file instead of the first of a batch. */
function shift(problem: Problem, first: number): Problem {
  const [key = "caches", index, ...rest] = problem.path;
  return typeof index === "number" ? { ...problem, path: [key, first + index, ...rest] } : problem;
}

/**
 * Reads the server's configuration file. Without a path it reads `$EKA_CI_CONFIG_FILE`, else
 * `$XDG_CONFIG_HOME/ekaci/ekaci.toml`, else `~/.config/ekaci/ekaci.toml`.
 *
 * @param path - path or `file:` URL of the file
 * @param options - ports, and where warnings go
 * @throws {@link ConfigError} `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with
 * all diagnostics
 *
 * @example
 * ```ts
 * const config = await loadServerConfig("/etc/eka-ci/ekaci.toml");
 * ```
 *
 * @public
 */
export async function loadServerConfig(
  path?: string | URL,
  options: LoadConfigOptions = {},
): Promise<ServerConfig> {
  const runtime = createNodeRuntime(options.runtime);
  const file = path ?? findServerConfigPath(runtime);
  const { source, bytes } = await loadText(file, runtime, { maxBytes: MAX_BYTES, followSymbolicLink: true });
  const result = safeParseServerConfig(bytes, { source });
  return unwrap(result, options.onDiagnostic);
}

function findServerConfigPath({ env, user }: Runtime): string {
  const explicit = env["EKA_CI_CONFIG_FILE"];
  if (explicit !== undefined && explicit !== "") return explicit;
  // The XDG base directory specification says to ignore relative paths.
  const xdg = env["XDG_CONFIG_HOME"];
  const directory = xdg?.startsWith("/") === true ? xdg : `${user.homeDirectory}/.config`;
  return `${directory}/ekaci/ekaci.toml`;
}
