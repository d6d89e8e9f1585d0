import { toBareHost } from "../core/bare-host.ts";
import type { CacheDefinition, CacheDestination } from "../core/cache.ts";
import type { Credentials } from "../credentials/provider.ts";

/** Where a cache is read, and with which credentials. */
export interface CacheReader {
  readonly destination: CacheDestination;
  readonly credentials: Credentials;
}

/**
 * Returns where a cache is read: at its destination, or at its substituter. A server other than the
 * destination's is asked without credentials, as its readers ask it.
 */
export function toCacheReader(cache: CacheDefinition, credentials: Credentials): CacheReader {
  const { destination, substituter } = cache;
  if (substituter === undefined) return { destination, credentials };
  const { origin, hostname } = new URL(substituter);
  const isSameServer = "url" in destination && new URL(destination.url).origin === origin;
  if (isSameServer && destination.type === "attic")
    return { destination: { ...destination, url: substituter }, credentials };
  const read: CacheDestination = { type: "http", url: substituter, host: toBareHost(hostname) };
  const keepsCredentials = isSameServer && destination.type === "http";
  return { destination: read, credentials: keepsCredentials ? credentials : { env: new Map() } };
}
