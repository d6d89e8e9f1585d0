import type { VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { type Members, readMember } from "../../core/own-member.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import { parseAnswer, toStatusError } from "../http-answer.ts";
import { toVaultService } from "./vault-transport.ts";

/** The error of any request to Vault. */
export function toVaultError(response: HttpResponse, source: VaultSource, now: number): CredentialError {
  const { type } = source;
  const says = sayer(response, source);
  if (response.status === 403 || (response.status === 400 && says(/missing client token/iu))) {
    const message = `Vault denies access; check the policy of ${describeToken(source)}, and that it has not expired`;
    return new CredentialError("ERR_CREDENTIAL_DENIED", type, message);
  }
  return toPassing(response, source) ?? toStatusError(response, toVaultService(source), now);
}

/**
 * The error of a login. Vault reports a wrong role, a wrong secret and a missing mount with the same two
 * statuses.
 */
export function toLoginError(response: HttpResponse, source: VaultSource, now: number): CredentialError {
  const { type, auth } = source;
  if (response.status === 400 || response.status === 403 || response.status === 404) {
    const message = `Vault refuses the login by ${auth?.method}; check its mount, its role, and what proves the identity`;
    return new CredentialError("ERR_CREDENTIAL_DENIED", type, message);
  }
  return toPassing(response, source) ?? toStatusError(response, toVaultService(source), now);
}

/** The body, as far as it can be read. */
export function parseIfJson(response: HttpResponse, source: VaultSource): Members {
  try {
    return parseAnswer(response, toVaultService(source));
  } catch {
    return {};
  }
}

function toPassing(response: HttpResponse, source: VaultSource): CredentialError | undefined {
  const { type } = source;
  if (response.status === 503 && sayer(response, source)(/sealed/iu))
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, "Vault is sealed; unseal it");
  if (response.status !== 412) return undefined;
  // The agent did not get its header, or a standby is behind; retry.
  const message = "Vault is behind (HTTP status 412)";
  return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
}

function sayer(response: HttpResponse, source: VaultSource): (pattern: RegExp) => boolean {
  const errors = readMember(parseIfJson(response, source), "errors");
  return (pattern) => Array.isArray(errors) && errors.some((text) => pattern.test(String(text)));
}

function describeToken({ auth, tokenFile, tokenEnv }: VaultSource): string {
  return auth === undefined ? `the token in ${tokenFile ?? tokenEnv}` : `the role of ${auth.method}`;
}
