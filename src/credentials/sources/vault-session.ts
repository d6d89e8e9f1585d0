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
 * How long there is no further login after one that led to nothing: at first, and at most, in milliseconds.
 */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** A token that Vault is asked with. */
export interface VaultToken {
  readonly value: string;
  /** When it was given, in milliseconds of the epoch. */
  readonly givenAt: number;
  /** When it ends, likewise; absent where that is not known, or never. */
  readonly endsAt?: number | undefined;
  readonly isRenewable: boolean;
  /**
   * Whether there is nothing newer to be had: it is not of a login, or of one that this very request has
   * made.
   */
  readonly isNew: boolean;
}

/**
 * The token of one source: that of a variable or a file, read anew each time, or one that a login gives. That
 * one is renewed in the second half of its life, by whoever needs it then; where that does not make it longer
 * there is a new login. What fails of that does no harm while the token is good. After a login that is
 * refused, or whose token is, the next one waits, longer each time.
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
   * Does something with the token; once more with that of a new login, where Vault refuses one that may have
   * been revoked meanwhile.
   *
   * @throws {@link CredentialError} for a token that cannot be read or is none, and for a login that fails;
   * what the work throws
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
   * @returns whether another login may be of use: a token that is new is refused since its policy says so
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

  /** A login that is worth trying, while there is a token that will do. */
  async #logInOr(held: VaultToken, auth: VaultAuth, send: VaultTransport): Promise<VaultToken> {
    return this.#logIn(auth, send).catch(() => held);
  }

  /** Renews a token. What Vault tells of its end holds in any case, also where that is sooner than before. */
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
      const message = "Vault's login gives no token";
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

/** A tenth of its life is left for what it is used for. */
function isUsable(token: VaultToken, now: number): boolean {
  return now < token.givenAt + lifeOf(token) * 0.9;
}

function isYoung(token: VaultToken, minimumLifeMs: number, now: number): boolean {
  const endsAt = token.endsAt ?? Number.POSITIVE_INFINITY;
  return now < token.givenAt + lifeOf(token) / 2 && endsAt - now >= minimumLifeMs;
}
