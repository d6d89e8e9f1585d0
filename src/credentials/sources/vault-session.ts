import type { VaultAuth, VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { isRecord, readMember } from "../../core/own-member.ts";
import { quoteName } from "../../core/text.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import type { CredentialRequest } from "../provider.ts";
import { readTokenFile } from "../token-file.ts";
import { readVariables } from "./env.ts";
import { toLoginError } from "./vault-errors.ts";
import { toVaultService, type VaultTransport } from "./vault-transport.ts";

/** A token that Vault is asked with. */
export interface VaultToken {
  readonly value: string;
  /** When it was given, in milliseconds of the epoch. */
  readonly givenAt: number;
  /** When it ends, likewise; absent where that is not known, or never. */
  readonly endsAt?: number | undefined;
  readonly isRenewable: boolean;
  /** Whether a login of this very request gave it. */
  readonly isNew: boolean;
}

/**
 * The token of one source: that of a variable or a file, read anew each time, or one that a login gives. That one is renewed in the second
 * half of its life, by whoever needs it then, and where that does not make it longer there is a new login.
 */
export class VaultSession {
  readonly #source: VaultSource;
  readonly #runtime: Runtime;
  #token: VaultToken | undefined;

  constructor(source: VaultSource, runtime: Runtime) {
    this.#source = source;
    this.#runtime = runtime;
  }

  /**
   * Gives the token.
   *
   * @throws {@link CredentialError} for a token that cannot be read or is none, and for a login that fails
   */
  async getToken(send: VaultTransport, { minimumLifeMs = 0 }: CredentialRequest): Promise<VaultToken> {
    const { auth } = this.#source;
    const now = this.#runtime.clock.now();
    if (auth === undefined)
      return {
        value: await readOwnToken(this.#source, this.#runtime),
        givenAt: now,
        isRenewable: false,
        isNew: true,
      };
    const held = this.#token;
    if (held === undefined || !isUsable(held, now)) return this.#logIn(auth, send);
    this.#token = { ...held, isNew: false };
    if (now < toHalf(held) && (held.endsAt ?? Number.POSITIVE_INFINITY) - now >= minimumLifeMs)
      return this.#token;
    return (await this.#renew(this.#token, send)) ?? this.#logInOr(this.#token, auth, send);
  }

  /** Forgets a token that Vault does not accept any more. */
  forget(token: VaultToken): void {
    if (this.#token?.value === token.value) this.#token = undefined;
  }

  async #logIn(auth: VaultAuth, send: VaultTransport): Promise<VaultToken> {
    const body = JSON.stringify(await toLogin(auth, this.#source.type, this.#runtime));
    const response = await this.#post(`auth/${auth.mount}/login`, {}, body, send);
    const now = this.#runtime.clock.now();
    if (response.status !== 200) throw toLoginError(response, this.#source, now);
    this.#token = this.#readToken(response, now);
    return this.#token;
  }

  /** While a token is good, a login that fails does no harm. */
  async #logInOr(held: VaultToken, auth: VaultAuth, send: VaultTransport): Promise<VaultToken> {
    try {
      return await this.#logIn(auth, send);
    } catch (error) {
      if (error instanceof CredentialError && error.code !== "ERR_CREDENTIAL_DENIED") return held;
      throw error;
    }
  }

  /** Nothing where it did not become longer, as at the end of its maximal life. */
  async #renew(held: VaultToken, send: VaultTransport): Promise<VaultToken | undefined> {
    if (!held.isRenewable) return undefined;
    const headers = { "X-Vault-Token": held.value };
    const response = await this.#post("auth/token/renew-self", headers, "{}", send).catch(() => undefined);
    if (response?.status !== 200) return undefined;
    const renewed = this.#readToken(response, this.#runtime.clock.now());
    const before = (held.endsAt ?? 0) - held.givenAt;
    if (renewed.value !== held.value || (renewed.endsAt ?? 0) - renewed.givenAt < before / 2)
      return undefined;
    this.#token = { ...renewed, isNew: false };
    return this.#token;
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
    if (!isRecord(auth) || typeof value !== "string" || !isToken(value))
      throw new CredentialError(
        "ERR_CREDENTIAL_MALFORMED",
        this.#source.type,
        "Vault's login gives no token",
      );
    const seconds = readMember(auth, "lease_duration");
    const endsAt = typeof seconds === "number" && seconds > 0 ? now + seconds * 1000 : undefined;
    const isRenewable = readMember(auth, "renewable") === true;
    return { value, givenAt: now, endsAt, isRenewable, isNew: true };
  }
}

/** A tenth of its life is left for what it is used for. */
function isUsable({ givenAt, endsAt }: VaultToken, now: number): boolean {
  return endsAt === undefined || now < endsAt - (endsAt - givenAt) / 10;
}

function toHalf({ givenAt, endsAt }: VaultToken): number {
  return endsAt === undefined ? Number.POSITIVE_INFINITY : givenAt + (endsAt - givenAt) / 2;
}

function isToken(value: string): boolean {
  return /^[\x21-\x7e]+$/u.test(value);
}

async function readOwnToken(source: VaultSource, runtime: Runtime): Promise<string> {
  const { tokenEnv: variable, tokenFile: file, type } = source;
  const value = await readText({ file, variable, isPrivate: true }, type, runtime);
  if (isToken(value)) return value;
  const where = file === undefined ? `The variable ${variable}` : "The file of token_file";
  const message = `${where} holds no token: it is empty, or has a character that no Vault token has, as a line break may be`;
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}

/** What proves the identity, in the body of a login (https://developer.hashicorp.com/vault/api-docs/auth). */
async function toLogin(
  auth: VaultAuth,
  sourceType: string,
  runtime: Runtime,
): Promise<Readonly<Record<string, string>>> {
  switch (auth.method) {
    case "approle": {
      const { roleId, secretIdFile: file, secretIdEnv: variable } = auth;
      const place = { file, variable, isPrivate: true };
      return { role_id: roleId, secret_id: await readText(place, sourceType, runtime) };
    }
    case "kubernetes":
    case "jwt": {
      const variable = auth.method === "jwt" ? auth.tokenEnv : "";
      const place = { file: auth.tokenFile, variable, isPrivate: false };
      return { role: auth.role, jwt: await readText(place, sourceType, runtime) };
    }
  }
}

/** Where a text is: in a file, else in a variable. */
interface TextPlace {
  readonly file: string | undefined;
  readonly variable: string;
  /** Whether others must not be able to read the file; whoever mounts a token into a pod decides its mode. */
  readonly isPrivate: boolean;
}

async function readText(
  { file, variable, isPrivate }: TextPlace,
  sourceType: string,
  runtime: Runtime,
): Promise<string> {
  if (file !== undefined)
    return readTokenFile(file, runtime, { sourceType, what: `The file ${quoteName(file, 256)}`, isPrivate });
  return [...readVariables([variable], sourceType, runtime).values()][0]?.expose() ?? "";
}
