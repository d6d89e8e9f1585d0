import { batchStorePaths } from "../commands/batch.ts";
import { buildClosureCommand } from "../commands/closure.ts";
import { type CommandSpec, formatCommand } from "../commands/command.ts";
import { findCacheTool } from "../commands/find-cache-tool.ts";
import type { HostSetup } from "../commands/host-setup.ts";
import { buildPushCommand } from "../commands/push-command.ts";
import { buildStagingCommand } from "../commands/staging.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { CommandError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import type { Decision } from "../policy/decision.ts";
import { describeCacheRules } from "./describe-cache-rules.ts";
import type { UploadWay } from "./push-types.ts";
import { type DirectWay, findDirectWay, isOfNix, toUploadWay, type UploadWayContext } from "./upload-way.ts";

/**
 * What a push would do.
 *
 * @public
 */
export interface PushPlan {
  /** One entry for each cache id of the request, in order, without duplicates. */
  readonly entries: readonly PlanEntry[];
}

/**
 * What a push would do at one cache.
 *
 * @public
 */
export interface PlanEntry {
  /** The cache. */
  readonly cacheId: string;
  /** The decision. */
  readonly decision: Decision;
  /**
   * The commands that would run, for people, with secrets as `[redacted]`; empty if denied or if they cannot
   * be built.
   */
  readonly commands: readonly string[];
  /**
   * How paths are uploaded to an S3 or HTTP cache. With `direct`, the commands are those with which Nix
   * writes files.
   */
  readonly upload?: UploadWay | undefined;
  /** What the rules of the cache leave out, refuse and tolerate, for people; empty if denied. */
  readonly rules: readonly string[];
  /** Why no command can be built from this request. */
  readonly error?: CommandError | undefined;
}

/** Plans an allowed push; no credential is read. */
export function planAllowed(
  cache: CacheDefinition,
  decision: Decision,
  storePaths: readonly string[],
  host: HostSetup,
  context: UploadWayContext,
): PlanEntry {
  const { destination } = cache;
  const credentials = { env: toPlaceholders(cache, host) };
  const found = findDirectWay(cache, context);
  const upload = isOfNix(cache) ? toUploadWay(found) : undefined;
  const rules = describeCacheRules(cache, upload?.way === "direct" ? "direct" : "tool");
  try {
    const batches = batchStorePaths(checkStorePaths(storePaths, host));
    const commands = batches.map((batch) =>
      buildPushCommand({ destination, storePaths: batch, credentials, ...host }),
    );
    const shown = typeof found === "string" ? commands : toDirectCommands(batches, found, host);
    return { cacheId: cache.id, decision, commands: shown.map(formatCommand), rules, upload };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { cacheId: cache.id, decision, commands: [], rules, error };
  }
}

/**
 * A push lists the closure and stages what the cache lacks. A plan knows only the paths of the request.
 */
function toDirectCommands(
  batches: readonly (readonly string[])[],
  { staging: { parameters } }: DirectWay,
  { storeDirectory }: HostSetup,
): readonly CommandSpec[] {
  return batches.flatMap((batch) => [
    buildClosureCommand(batch, { storeDirectory, namesFormat: false }),
    buildStagingCommand(batch, { directory: "<stage>", parameters, storeDirectory }),
  ]);
}

function toPlaceholders(cache: CacheDefinition, { cacheTypes }: HostSetup): ReadonlyMap<string, Secret> {
  return new Map(listCredentialNames(cache, cacheTypes).map((name) => [name, new Secret("placeholder")]));
}

/**
 * The names that a source will probably yield: its own if they are configured, else those of the
 * destination's tool.
 */
function listCredentialNames(cache: CacheDefinition, cacheTypes: HostSetup["cacheTypes"]): readonly string[] {
  const { credentials, destination } = cache;
  if (credentials.type === "none") return [];
  if (credentials.type === "env" && "vars" in credentials) return credentials.vars;
  if (credentials.type === "cachix-token") return ["CACHIX_AUTH_TOKEN"];
  return findCacheTool(destination, cacheTypes).credentialNames;
}
