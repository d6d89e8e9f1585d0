import { createHash } from "node:crypto";
import type { CacheDefinition } from "../core/cache.ts";

/** The fingerprint of a cache that was asked; what nobody asked for counts for nothing later. */
export function findFingerprint(cache: CacheDefinition, isAsked: boolean): string | undefined {
  return isAsked ? toCacheFingerprint(cache) : undefined;
}

/**
 * What it means that a path is in a cache: where it is, and what is asked of it there. An id alone may stand
 * for another cache tomorrow.
 */
export function toCacheFingerprint(cache: CacheDefinition): string {
  const { destination, substituter, requireSignature, trustedPublicKeys, upstreamKeys } = cache;
  const meaning = [destination, substituter, requireSignature, trustedPublicKeys, upstreamKeys];
  return createHash("sha256").update(JSON.stringify(meaning)).digest("hex").slice(0, 32);
}
