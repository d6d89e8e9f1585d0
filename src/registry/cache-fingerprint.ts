import { createHash } from "node:crypto";
import type { CacheDefinition } from "../core/cache.ts";

/** The fingerprint of a cache that was asked. Without a request to the cache, nothing counts later. */
export function findFingerprint(cache: CacheDefinition, isAsked: boolean): string | undefined {
  return isAsked ? toCacheFingerprint(cache) : undefined;
}

/**
 * Identifies what "a path is in a cache" means: the destination, and the required signatures. The id alone
 * may mean another cache later.
 */
export function toCacheFingerprint(cache: CacheDefinition): string {
  const { destination, substituter, requireSignature, trustedPublicKeys, upstreamKeys } = cache;
  const meaning = [destination, substituter, requireSignature, trustedPublicKeys, upstreamKeys];
  return createHash("sha256").update(JSON.stringify(meaning)).digest("hex").slice(0, 32);
}
