import { setMaxListeners } from "node:events";
import { fixedCredentials } from "../binary-cache/cache-credentials.ts";
import { openBinaryCache } from "../binary-cache/open-binary-cache.ts";
import type { PathInfo } from "../commands/path-info.ts";
import { findHostCertificates } from "../execution/certificates.ts";
import type { CacheReader } from "./cache-reader.ts";
import type { PushContext } from "./push-context.ts";

const TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 16;

/**
 * Asks a bucket for the NARs of some paths, for at most 10 s and within the push's own time. What is not answered is not gone: the keys
 * may not be allowed to ask, and nix may have been told of them elsewhere.
 *
 * @returns the paths whose NAR is not there
 */
export async function findGoneNars(
  storePaths: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  { destination, credentials }: CacheReader,
  { runtime, deadline }: PushContext,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const { http, clock, random, env } = runtime;
  if (http.connect === undefined || deadline.remainingMs <= 0) return gone;
  using session = http.connect({ maxConnections: MAX_CONNECTIONS });
  const controller = new AbortController();
  const cancel = clock.schedule(() => controller.abort(), Math.min(deadline.remainingMs, TIMEOUT_MS));
  const signal = AbortSignal.any([deadline.signal, controller.signal]);
  setMaxListeners(0, signal);
  try {
    const certificateAuthorities = findHostCertificates(env);
    const { env: variables } = credentials;
    const shared = { session, clock, random, certificateAuthorities };
    const options = { ...shared, credentials: fixedCredentials(variables) };
    const cache = await openBinaryCache(destination, variables, options);
    const asked = storePaths.map(async (path) => {
      const { narUrl = "" } = found.get(path) ?? {};
      if (/^[A-Za-z0-9._/-]+$/u.test(narUrl) && !(await cache.has(narUrl, signal))) gone.add(path);
    });
    await Promise.allSettled(asked);
  } catch {
    // Credentials that cannot sign here are those of a profile, which nix alone reads.
  } finally {
    cancel();
  }
  return gone;
}
