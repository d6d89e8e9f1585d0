import { type CommandSpec, privateHome } from "../commands/command.ts";
import { findCacheTool } from "../commands/find-cache-tool.ts";
import type { HostSetup } from "../commands/host-setup.ts";
import { findIgnoredParameters } from "../commands/ignored-parameters.ts";
import { type NixVersion, parseNixVersion } from "../commands/nix-version.ts";
import { buildS3SupportCommand, findS3Gap, type S3Gap } from "../commands/s3-support.ts";
import { DEFAULT_STORE_DIRECTORY } from "../commands/store-path.ts";
import { ConfigError } from "../config/text/config-error.ts";
import type { CacheDefinition, CacheDestination } from "../core/cache.ts";
import { showCredentialName } from "../core/environment-name.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { Executor } from "../execution/executor.ts";
import { runCommand } from "../execution/run-command.ts";
import type { Clock, Runtime } from "../host/runtime.ts";
import { describeUnknownCache } from "../policy/unknown-cache.ts";
import type { AnyCachesError } from "./any-error.ts";
import type { CacheCheck, CheckReport, ToolCheck } from "./check-types.ts";
import { describeCacheRules } from "./describe-cache-rules.ts";
import { toPushFailure } from "./push-failure.ts";
import { checkSigningKey } from "./signing-key.ts";
import { findDirectWay, toUploadWay, type UploadWayContext } from "./upload-way.ts";

const TOOL_TIMEOUT_MS = 10_000;
/** Some versions retry a dead address for long; by then they have printed whether they support S3. */
const S3_TIMEOUT_MS = 3_000;

/** What {@link checkCaches} needs. */
export interface CheckContext {
  readonly executor: Executor;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly resolver: CredentialResolver;
  readonly host: HostSetup;
  readonly hostSecrets: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** An id to check, with its cache if it exists. */
export interface WantedCache {
  readonly id: string;
  readonly cache: CacheDefinition | undefined;
}

function notThere(cacheId: string): CacheCheck {
  const error = new ConfigError("ERR_CONFIG_INVALID", describeUnknownCache(cacheId));
  return { cacheId, ok: false, names: [], rules: [], warnings: [], error };
}

/** Checks tools and credentials, all at once. */
export async function checkCaches(
  wanted: readonly WantedCache[],
  context: CheckContext,
): Promise<CheckReport> {
  const caches = wanted.flatMap(({ cache }) => (cache === undefined ? [] : [cache]));
  const { cacheTypes } = context.host;
  const tools = new Set([
    "nix-store",
    ...caches.map((cache) => findCacheTool(cache.destination, cacheTypes).tool),
  ]);
  const checking = Promise.all([...tools].map((tool) => checkTool(tool, context)));
  const supportingS3 = caches.some(({ destination }) => destination.type === "s3")
    ? askForS3Gap(context)
    : undefined;
  const fetching = Promise.all(
    wanted.map(({ id, cache }) => (cache === undefined ? notThere(id) : checkCache(cache, context))),
  );
  const [checkedTools, checked, gap] = await Promise.all([checking, fetching, supportingS3]);
  const version = parseNixVersion(checkedTools.find(({ tool }) => tool === "nix")?.version ?? "");
  const known = new Map(caches.map((cache) => [cache.id, cache]));
  const ways = { executor: context.executor, runtime: context.runtime };
  const entries = checked.map((entry) => {
    const cache = known.get(entry.cacheId);
    return cache === undefined ? entry : withTool(entry, cache, { version, gap, ways });
  });
  return { ok: [...checkedTools, ...entries].every(({ ok }) => ok), tools: checkedTools, caches: entries };
}

/** What is known about the tools. */
interface KnownTools {
  readonly version: NixVersion | undefined;
  readonly gap: S3Gap | undefined;
  readonly ways: UploadWayContext;
}

/** Checks the tool for a cache whose credentials were checked. */
function withTool(entry: CacheCheck, cache: CacheDefinition, { version, gap, ways }: KnownTools): CacheCheck {
  const { destination } = cache;
  if (destination.type !== "s3" && destination.type !== "http") return entry;
  const upload = toUploadWay(findDirectWay(cache, ways));
  // This process does what Nix cannot.
  if (upload.way === "direct") return { ...entry, rules: describeCacheRules(cache, "direct"), upload };
  const warnings = findIgnoredParameters(destination, version);
  // A public bucket needs no signatures.
  const isBridged = gap === undefined || (gap === "signatures" && !needsSignatures(destination, entry.names));
  if (destination.type !== "s3" || isBridged || !entry.ok) return { ...entry, warnings, upload };
  return {
    ...entry,
    warnings,
    upload,
    ok: false,
    error: new CommandError("ERR_TOOL_UNSUPPORTED", GAPS[gap]),
  };
}

function needsSignatures(destination: CacheDestination, names: readonly string[]): boolean {
  const hasProfile =
    destination.type === "s3" && destination.parameters.some(({ name }) => name === "profile");
  return hasProfile || names.some((name) => name === "AWS_ACCESS_KEY_ID" || name === "MINIO_ACCESS_KEY");
}

const GAPS: Readonly<Record<S3Gap, string>> = {
  s3: "The installed nix was built without S3; install one with it (docs/push-tools.md)",
  signatures:
    "The installed nix was built without AWS authentication and would send unsigned requests; install one with it (docs/push-tools.md)",
};

async function askForS3Gap(context: CheckContext): Promise<S3Gap | undefined> {
  try {
    const { result } = await run(buildS3SupportCommand(), S3_TIMEOUT_MS, context);
    return findS3Gap(`${result?.stderr}\n${result?.stdout}`);
  } catch {
    return undefined; // The check of the tool itself says what is wrong with it.
  }
}

function run(command: CommandSpec, timeoutMs: number, context: CheckContext): ReturnType<typeof runCommand> {
  const { executor, clock, hostSecrets, signal } = context;
  const bounds = { timeoutMs, remainingMs: timeoutMs };
  return runCommand(command, { executor, clock, hostSecrets, ...bounds, signal });
}

/** What a failure means that was caused by aborting the check. */
function toCheckFailure(error: unknown, signal: AbortSignal | undefined): AnyCachesError {
  if (signal?.aborted === true)
    return new PushError("ERR_CHECK_ABORTED", "The check was aborted before this was known");
  return toPushFailure(error);
}

async function checkTool(tool: string, context: CheckContext): Promise<ToolCheck> {
  const command = { file: tool, args: ["--version"], env: privateHome(), files: [] };
  try {
    const { result, error } = await run(command, TOOL_TIMEOUT_MS, context);
    if (error !== undefined || result === undefined) throw error;
    return { tool, ok: true, version: result.stdout.trim().split("\n")[0] };
  } catch (error) {
    return { tool, ok: false, error: toCheckFailure(error, context.signal) };
  }
}

async function checkCache(cache: CacheDefinition, context: CheckContext): Promise<CacheCheck> {
  const { resolver, host, signal } = context;
  const rules = describeCacheRules(cache);
  const base = { cacheId: cache.id, sourceType: cache.credentials.type, rules, warnings: [] };
  let names: readonly string[] = [];
  try {
    const credentials = await resolver.resolve(cache.credentials, { signal });
    names = [...credentials.env.keys()].map(showCredentialName);
    names = [...names, ...(await checkSigningKey(cache, resolver, signal))];
    const storePaths = [`${host.storeDirectory ?? DEFAULT_STORE_DIRECTORY}/${"0".repeat(32)}-check`];
    const { build, buildPin } = findCacheTool(cache.destination, host.cacheTypes);
    build({ storePaths, credentials, ...host });
    // Pins may need credentials that the push does not.
    if (cache.afterPush !== undefined) buildPin?.({ storePaths, credentials, ...host }, cache.afterPush);
    return { ...base, ok: true, names, expiration: credentials.expiration };
  } catch (error) {
    return { ...base, ok: false, names, error: toCheckFailure(error, signal) };
  }
}
