import { toStagingParameters } from "../commands/staging.ts";
import type { CacheDefinition, HttpDestination, S3Destination, StoreParameter } from "../core/cache.ts";
import type { PushContext } from "./push-context.ts";
import type { UploadWay } from "./push-types.ts";

/** A push that can go directly, with what it needs for that. */
export interface DirectWay {
  readonly destination: S3Destination | HttpDestination;
  readonly parameters: readonly StoreParameter[];
  readonly connect: NonNullable<PushContext["runtime"]["http"]["connect"]>;
}

/** What the choice depends on. */
export type UploadWayContext = Pick<PushContext, "executor" | "runtime" | "stallTimeoutMs">;

/** The variables that name a proxy, which this process does not use. */
const PROXIES = ["all_proxy", "http_proxy", "https_proxy"];

/** Finds out whether a push can go directly; else says why not. */
export function findDirectWay(cache: CacheDefinition, context: UploadWayContext): DirectWay | string {
  const { destination } = cache;
  const { executor, runtime, stallTimeoutMs } = context;
  if (destination.type !== "s3" && destination.type !== "http")
    return "the tool of the cache pushes by itself";
  if (cache.upload === "nix") return 'the cache says upload = "nix"';
  if (executor.sharesDisk !== true) return "the executor does not say that it shares this machine's disk";
  const connect = runtime.http.connect?.bind(runtime.http);
  if (connect === undefined) return "the host's HTTP client keeps no connections";
  const proxy = PROXIES.find((name) => runtime.env[name] || runtime.env[name.toUpperCase()]);
  if (proxy !== undefined) return `the host's ${proxy} names a proxy, which nix uses`;
  if (stallTimeoutMs !== undefined) return "stallTimeoutMs is measured by what nix tells";
  if (usesProfile(cache)) return "nix reads the keys of the profile that the destination names";
  const staging = toStagingParameters(destination);
  if (!staging.success) return `nix alone can write what ${staging.parameter} asks for`;
  return { destination, parameters: staging.parameters, connect };
}

function usesProfile({ destination, credentials }: CacheDefinition): boolean {
  const isNamed = destination.type === "s3" && destination.parameters.some(({ name }) => name === "profile");
  return isNamed && credentials.type === "none";
}

/** Whether nix can push to a cache, so that there is a way to choose. */
export function isOfNix({ destination: { type } }: CacheDefinition): boolean {
  return type === "s3" || type === "http";
}

/** Says which way a push goes, and why. */
export function toUploadWay(found: DirectWay | string): UploadWay {
  return typeof found === "string" ? { way: "nix", reason: found } : { way: "direct" };
}
