import type { CredentialVariables } from "../binary-cache/cache-credentials.ts";
import { toS3Address } from "../binary-cache/s3-address.ts";
import { toHttpAccess } from "../commands/http-authorization.ts";
import { findRegion } from "../commands/s3-credentials.ts";
import type { CacheDestination } from "../core/cache.ts";
import type { HttpSession } from "../host/http-client.ts";
import { findProxy } from "../host/proxy.ts";
import type { Runtime } from "../host/runtime.ts";

/** What a session with a cache's server needs. */
export interface ConnectToOptions {
  readonly destination: CacheDestination;
  /** The credentials of the cache. Their region is used for a bucket whose destination has none. */
  readonly variables: CredentialVariables;
  readonly maxConnections: number;
}

/**
 * Connects to the server of a cache, through the proxy that the host's variables name for it.
 *
 * @returns nothing if the host's HTTP client has no sessions, or only Nix can use the proxy
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function connectTo(
  { destination, variables, maxConnections }: ConnectToOptions,
  runtime: Runtime,
): HttpSession | undefined {
  const url =
    destination.type === "s3"
      ? toS3Address(destination, findRegion(variables)).baseUrl
      : toHttpAccess(destination, variables)?.baseUrl;
  return url === undefined ? undefined : connectToUrl(url, maxConnections, runtime);
}

/** Connects to a server by its URL, in the same way. */
export function connectToUrl(
  url: string,
  maxConnections: number,
  { http, env }: Runtime,
): HttpSession | undefined {
  const proxy = findProxy(url, env);
  if (proxy.type === "unsupported") return undefined;
  return http.connect?.({ maxConnections, proxy: proxy.type === "http" ? proxy.url : undefined });
}
