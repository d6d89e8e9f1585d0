import type { CacheCredentials, CredentialVariables } from "../binary-cache/cache-credentials.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { showCredentialName } from "../core/environment-name.ts";
import type { Secret } from "../core/secret.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { PushContext } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";

/**
 * How long before their expiration credentials are renewed, in milliseconds; a signed request may be verified
 * a little later.
 */
const RENEW_BEFORE_MS = 60_000;
/** How long a source is not asked after it could not renew them, or after its answer was refused. */
const RENEW_PAUSE_MS = 10_000;
const REPLACE_PAUSE_MS = 60_000;

/**
 * The credentials of a push to one cache. They are fetched when it begins, renewed if it outlives them, and
 * replaced if they are refused.
 */
export class PushCredentials implements CacheCredentials {
  readonly #cache: CacheDefinition;
  readonly #context: PushContext;
  readonly #emit: (event: Parameters<PushParticipant["emit"]>[0]) => Promise<void>;
  #current: Credentials = { env: new Map() };
  #replaceAgainAt = Number.NEGATIVE_INFINITY;
  /** The running fetch, shared by all who wait for it. */
  #fetching: Promise<void> | undefined;
  #renewAgainAt = Number.NEGATIVE_INFINITY;

  /** @param emit - records an event; if that fails, nothing may be pushed */
  constructor(
    cache: CacheDefinition,
    context: PushContext,
    emit: (event: Parameters<PushParticipant["emit"]>[0]) => Promise<void>,
  ) {
    this.#cache = cache;
    this.#context = context;
    this.#emit = emit;
  }

  /** Those that were fetched last. */
  get current(): Credentials {
    return this.#current;
  }

  /** @throws {@link CredentialError} `ERR_CREDENTIAL_…`; {@link PushError} `ERR_AUDIT_FAILED` */
  fetch(): Promise<void> {
    return this.#fetch(false);
  }

  /**
   * The credentials for a request now. If they cannot be renewed in time, the old ones are used, and the
   * cache decides.
   */
  async get(): Promise<CredentialVariables> {
    const { clock } = this.#context.runtime;
    const { expiration } = this.#current;
    const isEnding = expiration !== undefined && expiration.getTime() - clock.now() < RENEW_BEFORE_MS;
    if (isEnding && clock.monotonic() >= this.#renewAgainAt) {
      this.#fetching ??= this.#fetch(false).finally(() => {
        this.#fetching = undefined;
        this.#renewAgainAt = clock.monotonic() + RENEW_PAUSE_MS;
      });
      await this.#fetching.catch((error: unknown) => {
        if (isAuditFailure(error)) throw error;
      });
    }
    return this.#current.env;
  }

  async replace(refused: CredentialVariables): Promise<CredentialVariables | undefined> {
    // Another request was refused earlier and has replaced them.
    if (!isSame(refused, this.#current.env)) return this.#current.env;
    try {
      return (await this.replaceOnce()) ? this.#current.env : undefined;
    } catch (error) {
      // The refusal by the cache is what is reported.
      if (isAuditFailure(error)) throw error;
      return undefined;
    }
  }

  /**
   * Fetches new credentials after a refusal. If the source returns the same ones, they would be refused
   * again. If its recent answer was refused, it has no better one.
   *
   * @returns whether there are new ones
   * @throws as {@link PushCredentials.fetch}
   */
  async replaceOnce(): Promise<boolean> {
    const { clock } = this.#context.runtime;
    if (this.#cache.credentials.type === "none") return false;
    const refused = this.#current.env;
    // A running fetch may bring new ones; a renewal may also bring the same.
    await this.#fetching?.catch(() => undefined);
    if (!isSame(refused, this.#current.env)) return true;
    if (this.#fetching === undefined) {
      if (clock.monotonic() < this.#replaceAgainAt) return false;
      this.#replaceAgainAt = clock.monotonic() + REPLACE_PAUSE_MS;
      this.#fetching = this.#fetch(true).finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
    return !isSame(refused, this.#current.env);
  }

  async #fetch(forceRefresh: boolean): Promise<void> {
    const { resolver, deadline, timeoutMs: minimumLifeMs } = this.#context;
    const { signal } = deadline;
    const source = this.#cache.credentials;
    const { type: sourceType } = source;
    try {
      this.#current = await resolver.resolve(source, { signal, forceRefresh, minimumLifeMs });
    } catch (error) {
      const failure = signal.aborted ? toEnded(signal) : toPushFailure(error);
      await this.#emit({ type: "credentials.failed", sourceType, code: failure.code });
      throw failure;
    }
    const names = [...this.#current.env.keys()].map(showCredentialName);
    const expiration = this.#current.expiration?.toISOString();
    await this.#emit({ type: "credentials.resolved", sourceType, names, expiration });
  }
}

function isAuditFailure(error: unknown): boolean {
  return toPushFailure(error).code === "ERR_AUDIT_FAILED";
}

function isSame(one: CredentialVariables, other: CredentialVariables): boolean {
  const isHeld = ([name, value]: readonly [string, Secret]): boolean =>
    other.get(name)?.equals(value) === true;
  return one.size === other.size && [...one].every(isHeld);
}
