/** Limits of {@link computeDelay}, in milliseconds. */
export interface BackoffBounds {
  /** The first delay is at most this. */
  readonly baseMs: number;
  /** Longest delay, unless the server asks for more. */
  readonly capMs: number;
}

/** Longest wait that a server may ask for. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/**
 * Computes how long to wait before a retry. Full jitter spreads attempts that failed together. What the
 * server asks for is the minimum.
 *
 * @param attempts - attempts so far, at least 1
 * @param fraction - a random number from 0 to below 1
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function computeDelay(
  attempts: number,
  bounds: BackoffBounds,
  fraction: number,
  retryAfterMs = 0,
): number {
  const ceiling = Math.min(bounds.capMs, bounds.baseMs * 2 ** (attempts - 1));
  return Math.max(ceiling * fraction, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
