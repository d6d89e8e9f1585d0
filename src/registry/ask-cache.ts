import { setMaxListeners } from "node:events";
import type { HttpAccess } from "../commands/http-authorization.ts";
import type { HttpResponse } from "../host/http-client.ts";
import { connectToUrl } from "./connect-to.ts";
import type { PushContext } from "./push-context.ts";

const TIMEOUT_MS = 10_000;
/** Maximum number of concurrent requests. */
const MAX_REQUESTS = 64;

/** Sends a request to a cache; nothing if it does not answer. */
export type AskCache = (method: string, url: string, body?: string) => Promise<HttpResponse | undefined>;

/** How a cache is asked over HTTP. */
export interface AskCacheOptions {
  readonly access: HttpAccess;
  /** Longest answer, in bytes. */
  readonly maxBytes: number;
  readonly context: PushContext;
}

/**
 * Asks a cache over HTTP with the credentials of a push, for at most 10 s and within the push's deadline.
 *
 * @param work - sends the requests
 * @returns nothing if there was no time left
 */
export async function askCache<T>(
  { access, maxBytes, context }: AskCacheOptions,
  work: (ask: AskCache) => Promise<T>,
): Promise<T | undefined> {
  const { remainingMs, signal } = context.deadline;
  if (remainingMs <= 0 || signal.aborted) return undefined;
  const { http, clock } = context.runtime;
  using session = connectToUrl(access.baseUrl, MAX_REQUESTS, context.runtime);
  const controller = new AbortController();
  const cancel = clock.schedule(() => controller.abort(), Math.min(remainingMs, TIMEOUT_MS));
  const bounds = { headers: access.headers, maxBytes, signal: AbortSignal.any([signal, controller.signal]) };
  // Each running request adds a listener, and Node.js warns beyond ten.
  setMaxListeners(MAX_REQUESTS, bounds.signal);
  try {
    return await work((method, url, body) =>
      (session ?? http).send({ method, url, body, ...bounds }).catch(() => undefined),
    );
  } finally {
    cancel();
  }
}
