import { setMaxListeners } from "node:events";
import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import { fixedCredentials } from "../binary-cache/cache-credentials.ts";
import { openBinaryCache } from "../binary-cache/open-binary-cache.ts";
import { findHostCertificates } from "../execution/certificates.ts";
import type { CacheReader } from "./cache-reader.ts";
import { connectTo } from "./connect-to.ts";
import type { PushContext } from "./push-context.ts";

/** How a cache is asked. */
export interface WithBinaryCacheOptions {
  /** Maximum number of concurrent connections. */
  readonly maxConnections: number;
  /** How long the requests may take, in milliseconds; default as long as the push. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Asks a binary cache with the credentials of a push, within the push's deadline. Requests that still run
 * when the work has ended are aborted.
 *
 * @returns nothing if the host has no sessions, only Nix can use its proxy, or no time is left
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`; what the work throws
 */
export async function withBinaryCache<T>(
  { destination, credentials }: CacheReader,
  { runtime, deadline }: PushContext,
  { maxConnections, timeoutMs = Number.POSITIVE_INFINITY }: WithBinaryCacheOptions,
  work: (cache: BinaryCache, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const { clock, random, env } = runtime;
  if (deadline.remainingMs <= 0) return undefined;
  using session = connectTo({ destination, variables: credentials.env, maxConnections }, runtime);
  if (session === undefined) return undefined;
  const over = new AbortController();
  const cancel = clock.schedule(() => over.abort(), Math.min(deadline.remainingMs, timeoutMs));
  const signal = AbortSignal.any([deadline.signal, over.signal]);
  // Each running request adds a listener, and Node.js warns beyond ten.
  setMaxListeners(0, signal);
  try {
    const certificateAuthorities = findHostCertificates(env);
    const fixed = fixedCredentials(credentials.env);
    const options = { session, clock, random, certificateAuthorities, credentials: fixed };
    return await work(await openBinaryCache(destination, credentials.env, options), signal);
  } finally {
    cancel();
    over.abort(new Error("The questions are over"));
  }
}
