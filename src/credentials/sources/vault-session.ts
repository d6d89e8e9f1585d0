import type { VaultAuth, VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { isRecord, readMember } from "../../core/own-member.ts";
import { withDeadline } from "../../host/deadline.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import type { CredentialRequest } from "../provider.ts";
import { toLoginError } from "./vault-errors.ts";
import { isVaultToken, readOwnToken, readProof } from "./vault-proof.ts";
import { toVaultService, type VaultTransport } from "./vault-transport.ts";

/** How long a renewal may take before the token is used as it is, in milliseconds. */
const RENEWAL_MS = 3_000;
/**
 * How long to wait after a failed login: at first, and at most, in milliseconds.
 */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** A token for requests to Vault. */
export interface VaultToken {
  readonly value: string;
  /** When it was given, in milliseconds of the epoch. */
  readonly givenAt: number;
  /** When it expires, in the same unit; absent if that is not known, or never. */
  readonly endsAt?: number | undefined;
  readonly isRenewable: boolean;
  /**
   * Whether a newer one is not available: it is not from a login, or this request has just logged in.
   */
  readonly isNew: boolean;
}

/**
 * The token of one source: of a variable or a file, which is read each time, or of a login. A login's token
 * is renewed in the second half of its life, by the next request. If that does not extend it, there is a new
 * login. A failure of either does no harm while the token is valid. After a refused login, or a refused token
 * of one, the next login waits, longer each time.
 */
export class VaultSession {
  readonly #source: VaultSource;
  readonly #runtime: Runtime;
  #token: VaultToken | undefined;
  #pauseMs = 0;
  #refusal: { readonly error: CredentialError; readonly until: number } | undefined;

  constructor(source: VaultSource, runtime: Runtime) {
    this.#source = source;
    this.#runtime = runtime;
  }

  /**
   * Does something with the token. If Vault refuses a token that may have been revoked, it logs in and tries
   * once more.
   *
   * @throws {@link CredentialError} for an unreadable or invalid token, and for a failed login; what the work
   * throws
   */
  async use<T>(
    send: VaultTransport,
    request: CredentialRequest,
    work: (token: VaultToken) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const token = await this.#getToken(send, request);
      try {
        const result = await work(token);
        if (token.isNew) this.#endPause();
        return result;
      } catch (error) {
        const isDenied = error instanceof CredentialError && error.code === "ERR_CREDENTIAL_DENIED";
        if (!isDenied || !this.#forget(token, error)) throw error;
      }
    }
  }

  async #getToken(send: VaultTransport, request: CredentialRequest): Promise<VaultToken> {
    const { auth } = this.#source;
    const now = this.#runtime.clock.now();
    if (auth === undefined) {
      const value = await readOwnToken(this.#source, this.#runtime);
      return { value, givenAt: now, isRenewable: false, isNew: true };
    }
    if (this.#token === undefined || !isUsable(this.#token, now)) return this.#logIn(auth, send);
    const held = { ...this.#token, isNew: false };
    this.#token = held;
    if (isYoung(held, request.minimumLifeMs ?? 0, now)) return held;
    const renewed = await this.#renew(held, send, request.signal);
    return renewed.isLong ? renewed.token : this.#logInOr(renewed.token, auth, send);
  }

  /**
   * Forgets a token that Vault refuses.
   *
   * @returns whether another login may help; a new token is refused because of its policy
   */
  #forget(token: VaultToken, error: CredentialError): boolean {
    if (this.#source.auth === undefined) return false;
    if (token.isNew) this.#pause(error);
    if (token.isNew || this.#findRefusal() !== undefined) return false;
    if (this.#token?.value === token.value) this.#token = undefined;
    return true;
  }

  async #logIn(auth: VaultAuth, send: VaultTransport): Promise<VaultToken> {
    const refusal = this.#findRefusal();
    if (refusal !== undefined) throw refusal;
    const body = JSON.stringify(await readProof(auth, this.#source.type, this.#runtime));
    const response = await this.#post(`auth/${auth.mount}/login`, {}, body, send);
    const now = this.#runtime.clock.now();
    if (response.status === 200) {
      this.#token = this.#readToken(response, now);
      return this.#token;
    }
    const error = toLoginError(response, this.#source, now);
    if (error.code === "ERR_CREDENTIAL_DENIED") this.#pause(error);
    throw error;
  }

  /** Logs in if that may help, while there is a usable token. */
  async #logInOr(held: VaultToken, auth: VaultAuth, send: VaultTransport): Promise<VaultToken> {
    return this.#logIn(auth, send).catch(() => held);
  }

  /**
   * Renews a token. The expiration that Vault reports applies in any case, even if it is sooner than before.
   */
  async #renew(
    held: VaultToken,
    send: VaultTransport,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly token: VaultToken; readonly isLong: boolean }> {
    const unchanged = { token: held, isLong: false };
    if (!held.isRenewable) return unchanged;
    const { clock } = this.#runtime;
    const post = () =>
      this.#post("auth/token/renew-self", { "X-Vault-Token": held.value }, "{}", send).then((response) =>
        response.status === 200 ? this.#readToken(response, clock.now()) : undefined,
      );
    const onTimeout = (): Error => new Error("Vault has not renewed the token in time");
    const told = await withDeadline(post, { clock, timeoutMs: RENEWAL_MS, signal, onTimeout }).catch(
      () => undefined,
    );
    signal?.throwIfAborted();
    if (told === undefined || told.value !== held.value) return unchanged;
    const token = { ...told, isNew: false };
    this.#token = token;
    return { token, isLong: lifeOf(token) >= lifeOf(held) / 2 };
  }

  #endPause(): void {
    this.#pauseMs = 0;
    this.#refusal = undefined;
  }

  #pause(error: CredentialError): void {
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS);
    this.#refusal = { error, until: this.#runtime.clock.now() + this.#pauseMs };
  }

  #findRefusal(): CredentialError | undefined {
    const refusal = this.#refusal;
    return refusal !== undefined && this.#runtime.clock.now() < refusal.until ? refusal.error : undefined;
  }

  #post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    send: VaultTransport,
  ): Promise<HttpResponse> {
    const url = `${this.#source.address.replace(/\/+$/u, "")}/v1/${path}`;
    return send({ method: "POST", url, headers: { ...headers, "content-type": "application/json" }, body });
  }

  #readToken(response: HttpResponse, now: number): VaultToken {
    const auth = readMember(parseAnswer(response, toVaultService(this.#source)), "auth");
    const value = isRecord(auth) ? readMember(auth, "client_token") : undefined;
    if (!isRecord(auth) || typeof value !== "string" || !isVaultToken(value)) {
      const message = "Vault's login returned no token";
      throw new CredentialError("ERR_CREDENTIAL_MALFORMED", this.#source.type, message);
    }
    const seconds = readMember(auth, "lease_duration");
    const endsAt = typeof seconds === "number" && seconds > 0 ? now + seconds * 1000 : undefined;
    const isRenewable = readMember(auth, "renewable") === true;
    return { value, givenAt: now, endsAt, isRenewable, isNew: true };
  }
}

function lifeOf({ givenAt, endsAt }: VaultToken): number {
  return endsAt === undefined ? Number.POSITIVE_INFINITY : endsAt - givenAt;
}

/** A tenth of its life is reserved for its use. */
function isUsable(token: VaultToken, now: number): boolean {
  return now < token.givenAt + lifeOf(token) * 0.9;
}

function isYoung(token: VaultToken, minimumLifeMs: number, now: number): boolean {
  const endsAt = token.endsAt ?? Number.POSITIVE_INFINITY;
  return now < token.givenAt + lifeOf(token) / 2 && endsAt - now >= minimumLifeMs;
}
