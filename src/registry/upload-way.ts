import { toS3Address } from "../binary-cache/s3-address.ts";
import { type StagingParameters, toStagingParameters } from "../commands/staging.ts";
import type { CacheDefinition, HttpDestination, S3Destination } from "../core/cache.ts";
import { findProxy } from "../host/proxy.ts";
import type { PushContext } from "./push-context.ts";
import type { UploadWay } from "./push-types.ts";

/** A push that can be uploaded directly, with what it needs. */
export interface DirectWay {
  readonly destination: S3Destination | HttpDestination;
  readonly staging: Extract<StagingParameters, { readonly success: true }>;
}

/** What the choice depends on. */
export type UploadWayContext = Pick<PushContext, "executor" | "runtime">;

/** Returns whether a push can be uploaded directly, or why not. */
export function findDirectWay(cache: CacheDefinition, context: UploadWayContext): DirectWay | string {
  const { destination } = cache;
  const { executor, runtime } = context;
  if (destination.type !== "s3" && destination.type !== "http")
    return "the tool of the cache pushes by itself";
  if (cache.upload === "nix") return 'the cache has upload = "nix"';
  if (executor.sharesDisk !== true) return "the executor does not share this machine's disk";
  if (runtime.http.connect === undefined) return "the host's HTTP client has no sessions";
  const proxy = findProxy(toServerUrl(destination), runtime.env);
  if (proxy.type === "unsupported") return `only nix can use the proxy in the host's ${proxy.variable}`;
  if (usesProfile(cache)) return "only nix can read the keys of the destination's profile";
  const staging = toStagingParameters(destination);
  if (!staging.success) return `only nix supports ${staging.parameter}`;
  return { destination, staging };
}

function toServerUrl(destination: S3Destination | HttpDestination): string {
  return destination.type === "s3" ? toS3Address(destination, undefined).baseUrl : destination.url;
}

function usesProfile({ destination, credentials }: CacheDefinition): boolean {
  const isNamed = destination.type === "s3" && destination.parameters.some(({ name }) => name === "profile");
  return isNamed && credentials.type === "none";
}

/** Whether Nix can push to a cache, so that there is a choice. */
export function isOfNix({ destination: { type } }: CacheDefinition): boolean {
  return type === "s3" || type === "http";
}

/** Returns how a push is uploaded, and why. */
export function toUploadWay(found: DirectWay | string): UploadWay {
  return typeof found === "string" ? { way: "nix", reason: found } : { way: "direct" };
}
