import { CredentialError } from "../core/errors.ts";
import type { Runtime } from "../host/runtime.ts";
import type { CredentialProvider, CredentialRequest, Credentials } from "./provider.ts";
import { SharedFlight } from "./shared-flight.ts";

/** How long an answer without an expiration is used, in milliseconds. */
const KEEP_MS = 60_000;
/** How long such an answer may be used while its source is unreachable. */
const STALE_MS = 10 * 60_000;
/** How long a failure is remembered: at least, and at most if the source asks to wait. */
const FAILURE_MS = 5_000;
const MAX_FAILURE_MS = 5 * 60_000;
/**
 * Before an expiration: the longest period in which a new answer is fetched in the background, and in which
 * callers wait for it.
 */
const MAX_SOFT_WINDOW_MS = 10 * 60_000;
const HARD_WINDOW_MS = 60_000;
/** How long an answer counts as the longest-lived that its source can give. */
const LONGEST_KNOWN_MS = 60_000;

/** Failures during which the last answer may be used. */
const OUT_OF_REACH: ReadonlySet<string> = new Set([
  "ERR_CREDENTIAL_UNREACHABLE",
  "ERR_CREDENTIAL_UNAVAILABLE",
  "ERR_CREDENTIAL_RATE_LIMITED",
]);

/** An answer with the times that matter, in milliseconds of the epoch. */
interface Kept {
  readonly credentials: Credentials;
  readonly fetchedAt: number;
  /** From here on a new answer is fetched in the background. */
  readonly refreshAt: number;
  /** From here on callers wait for a new answer. */
  readonly waitAt: number;
  /** From here on it must not be used any more, whatever happens. */
  readonly uselessAt: number;
}

/**
 * Keeps the answer of one source, and decides when to ask again:
 *
 * - fresh: the kept answer
 * - in the last fifth of its life, at most 10 minutes, with a jitter of a tenth: the kept answer, and one
 *   refresh in the background
 * - in the last minute, or without an answer: everyone waits for the same one request
 * - an answer without an expiration is fresh for a minute
 * - a failure is remembered for 5 s, or as long as the source asks to wait, at most 5 minutes
 * - while the source is unreachable, unable to answer or limiting the rate: an answer that has not expired;
 *   one without an expiration for 10 minutes
 */
export class RefreshingCredentials {
  readonly #runtime: Runtime;
  readonly #flight: SharedFlight<Credentials>;
  #kept: Kept | undefined;
  /** Number of the last request. */
  #latest = 0;
  /** The options of the next request. */
  #minimumLifeMs: number | undefined;
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  /**
   * @param provider - the source; each request gets a signal that aborts when nobody waits any more
   */
  constructor(provider: CredentialProvider, runtime: Runtime) {
    this.#runtime = runtime;
    this.#flight = new SharedFlight((signal) => this.#fetch(provider, signal));
  }

  /** Returns the kept answer, or asks the source. */
  async get(request: CredentialRequest): Promise<Credentials> {
    request.signal?.throwIfAborted();
    const now = this.#runtime.clock.now();
    const kept = this.#kept;
    const forced = request.forceRefresh === true;
    if (!forced && kept !== undefined && now < kept.waitAt && this.#livesLongEnough(kept, request, now)) {
      if (now >= kept.refreshAt && !this.#isFailing(now)) this.#refreshBehind();
      return kept.credentials;
    }
    if (!forced && this.#isFailing(now)) return this.#standIn(this.#failure?.error, now);
    this.#minimumLifeMs = request.minimumLifeMs;
    try {
      return await this.#flight.join(request.signal, forced);
    } catch (error) {
      request.signal?.throwIfAborted();
      // A caller forces a refresh because the kept answer was refused.
      if (forced && !isOutOfReach(error)) this.#kept = undefined;
      if (forced) throw error;
      return this.#standIn(error, this.#runtime.clock.now());
    }
  }

  async #fetch(provider: CredentialProvider, signal: AbortSignal): Promise<Credentials> {
    this.#latest++;
    const number = this.#latest;
    try {
      const credentials = await provider({ signal, forceRefresh: true, minimumLifeMs: this.#minimumLifeMs });
      // A request that was overtaken by a forced refresh does not replace its answer.
      if (number === this.#latest) this.#keep(credentials);
      return credentials;
    } catch (error) {
      if (number === this.#latest && !signal.aborted) this.#remember(error);
      throw error;
    }
  }

  #keep(credentials: Credentials): void {
    this.#kept = this.#toKept(credentials);
    this.#failure = undefined;
  }

  #remember(error: unknown): void {
    // After a denial, the previous answer must not be used.
    if (error instanceof CredentialError && error.code === "ERR_CREDENTIAL_DENIED") this.#kept = undefined;
    const asked = error instanceof CredentialError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.min(Math.max(FAILURE_MS, asked), MAX_FAILURE_MS);
    this.#failure = { error, until: this.#runtime.clock.now() + waitMs };
  }

  /** Aborts a running request. */
  stop(): void {
    this.#flight.abort(new Error("The credentials are no longer needed"));
  }

  // A failure here is remembered, and reported once the kept answer is no longer usable.
  #refreshBehind(): void {
    this.#flight.join(undefined).catch(() => undefined);
  }

  #isFailing(now: number): boolean {
    return this.#failure !== undefined && now < this.#failure.until;
  }

  #standIn(error: unknown, now: number): Credentials {
    const kept = this.#kept;
    if (isOutOfReach(error) && kept !== undefined && now < kept.uselessAt) return kept.credentials;
    throw error;
  }

  // A source that recently gave its longest-lived answer is not asked for a longer one.
  #livesLongEnough(
    { credentials, fetchedAt }: Kept,
    { minimumLifeMs = 0 }: CredentialRequest,
    now: number,
  ): boolean {
    const end = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    return end - now >= minimumLifeMs || now - fetchedAt < LONGEST_KNOWN_MS;
  }

  #toKept(credentials: Credentials): Kept {
    const fetchedAt = this.#runtime.clock.now();
    const end = credentials.expiration?.getTime();
    if (end === undefined) {
      const waitAt = fetchedAt + KEEP_MS;
      return { credentials, fetchedAt, refreshAt: waitAt, waitAt, uselessAt: fetchedAt + STALE_MS };
    }
    const fifth = (end - fetchedAt) / 5;
    const window = Math.min(fifth, MAX_SOFT_WINDOW_MS);
    const jitter = 0.9 + 0.2 * this.#runtime.random.fraction();
    const waitAt = end - Math.min(fifth, HARD_WINDOW_MS);
    return {
      credentials,
      fetchedAt,
      refreshAt: end - window * jitter,
      waitAt,
      uselessAt: end,
    };
  }
}

function isOutOfReach(error: unknown): boolean {
  return error instanceof CredentialError && OUT_OF_REACH.has(error.code);
}
