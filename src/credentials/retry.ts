import { CredentialError } from "../core/errors.ts";
import type { Runtime } from "../host/runtime.ts";
import { sleep } from "../host/sleep.ts";
import type { CredentialProvider } from "./provider.ts";

const ATTEMPTS = 3;
const BASE_DELAY_MS = 200;
const MAX_DELAY_MS = 2_000;

/**
 * The shortest wait if a service limits the rate without naming a pause; most quotas are per second.
 */
const QUOTA_MS = 1_000;

/** Failures that may be gone a moment later. Denied, missing or malformed credentials stay so. */
const PASSING: ReadonlySet<string> = new Set([
  "ERR_CREDENTIAL_UNREACHABLE",
  "ERR_CREDENTIAL_UNAVAILABLE",
  "ERR_CREDENTIAL_RATE_LIMITED",
]);

/**
 * Tries a provider up to three times if that may help, with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter): a random delay of at most 200
 * ms, then 400 ms. What the service asks for is the minimum; it is a second if the service limits the rate
 * without naming a pause. A wait of more than 2 s is left to the caller's next request.
 */
export function withRetries(provider: CredentialProvider, runtime: Runtime): CredentialProvider {
  return async (request = {}) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await provider(request);
      } catch (error) {
        const delayMs = toDelay(error, attempt, runtime);
        if (delayMs === undefined || request.signal?.aborted === true) throw error;
        await sleep(delayMs, request.signal, runtime.clock);
        request.signal?.throwIfAborted();
      }
    }
  };
}

function toDelay(error: unknown, attempt: number, { random }: Runtime): number | undefined {
  if (!(error instanceof CredentialError) || !PASSING.has(error.code) || attempt >= ATTEMPTS)
    return undefined;
  const jitterMs = random.fraction() * BASE_DELAY_MS * 2 ** (attempt - 1);
  const quotaMs = error.code === "ERR_CREDENTIAL_RATE_LIMITED" ? QUOTA_MS : 0;
  const delayMs = Math.max(jitterMs, error.retryAfterMs ?? quotaMs);
  return delayMs > MAX_DELAY_MS ? undefined : delayMs;
}
