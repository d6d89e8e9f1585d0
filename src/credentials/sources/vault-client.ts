import type { VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { type Members, readMember } from "../../core/own-member.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { toCredentialError } from "../file-errors.ts";
import { askService, parseAnswer, type Service, toStatusError } from "../http-answer.ts";
import type { CredentialRequest } from "../provider.ts";
import { readTokenFile } from "../token-file.ts";
import { readVariables } from "./env.ts";

const MAX_CERTIFICATE_BYTES = 1024 * 1024;

/** An answer that is a success or says that something is not there. */
export interface VaultAnswer {
  readonly status: number;
  readonly body: Members;
}

/** Reads from Vault. */
export interface VaultClient {
  /**
   * Reads one path.
   *
   * @throws {@link CredentialError} for anything but success, "not found" and what is tolerated
   */
  read(path: string, options?: { readonly tolerate: readonly number[] }): Promise<VaultAnswer>;
}

/**
 * Makes a client on `node-vault`, with a transport of ours in its `request-promise` seam. On its own it puts the token
 * into the errors of its HTTP library, sends it along redirects and to proxies, and has no deadline. What it would take
 * from the environment silently (address, token, namespace, prefix) is stated here.
 *
 * @throws {@link CredentialError} for a token that is not set or cannot stand in a header
 */
export async function createVaultClient(
  source: VaultSource,
  runtime: Runtime,
  request: CredentialRequest,
): Promise<VaultClient> {
  const token = await readToken(source, runtime);
  const certificateAuthorities = await readCertificates(source, runtime);
  const { default: createNodeVault } = await import("node-vault");
  const service = toService(source);
  const send = async ({ method, uri, headers }: TransportRequest): Promise<TransportResponse> => {
    const signed = { ...headers, accept: "application/json", "X-Vault-Request": "true" };
    const { signal } = request;
    const response = await askService(
      { method, url: uri, headers: signed, certificateAuthorities, signal },
      service,
      runtime,
    );
    // Success tells node-vault to hand the whole answer back; statuses are read here, with their headers.
    return { statusCode: 200, body: response, request: { path: new URL(uri).pathname } };
  };
  const vault = createNodeVault({
    endpoint: source.address,
    token,
    "request-promise": { defaults: () => send },
  });
  Object.assign(vault, { namespace: source.namespace ?? "", pathPrefix: "" });
  return {
    read: async (path, { tolerate } = { tolerate: [] }) => {
      const response: HttpResponse = await vault.read(path);
      if (response.status === 200) return { status: 200, body: parseAnswer(response, service) };
      if (response.status === 404 || tolerate.includes(response.status)) {
        return { status: response.status, body: parseIfJson(response, service) };
      }
      throw toVaultError(response, source, runtime);
    },
  };
}

/** What node-vault hands to its transport. */
interface TransportRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What node-vault expects of its transport. */
interface TransportResponse {
  readonly statusCode: number;
  readonly body: HttpResponse;
  readonly request: { readonly path: string };
}

function toService({ type }: VaultSource): Service {
  return { sourceType: type, name: "Vault" };
}

async function readToken(source: VaultSource, runtime: Runtime): Promise<string> {
  const { tokenEnv, tokenFile, type } = source;
  const value =
    tokenFile === undefined
      ? ([...readVariables([tokenEnv], type, runtime).values()][0]?.expose() ?? "")
      : await readTokenFile(tokenFile, runtime, {
          sourceType: type,
          what: "The file of token_file",
          isPrivate: true,
        });
  if (/^[\x21-\x7e]+$/u.test(value)) return value;
  const where = tokenFile === undefined ? `The variable ${tokenEnv}` : "The file of token_file";
  const message = `${where} holds no token: it is empty, or has a character that no Vault token has, as a line break may be`;
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}

async function readCertificates({ type }: VaultSource, { env, files }: Runtime): Promise<string | undefined> {
  const path = env["VAULT_CACERT"];
  if (path === undefined || path === "") return undefined;
  try {
    const text = new TextDecoder().decode(
      (await files.read(path, { maxBytes: MAX_CERTIFICATE_BYTES })).bytes,
    );
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, "VAULT_CACERT holds no certificate in PEM");
  } catch (error) {
    throw toCredentialError(error, type, "VAULT_CACERT");
  }
}

function parseIfJson(response: HttpResponse, service: Service): Members {
  try {
    return parseAnswer(response, service);
  } catch {
    return {};
  }
}

function toVaultError(response: HttpResponse, source: VaultSource, { clock }: Runtime): CredentialError {
  const { type, tokenEnv, tokenFile = tokenEnv } = source;
  const service = toService(source);
  const errors = readMember(parseIfJson(response, service), "errors");
  const says = (pattern: RegExp): boolean =>
    Array.isArray(errors) && errors.some((text) => pattern.test(String(text)));
  if (response.status === 403 || (response.status === 400 && says(/missing client token/iu))) {
    const message = `Vault denies access; check the policy of the token in ${tokenFile}, and that it has not expired`;
    return new CredentialError("ERR_CREDENTIAL_DENIED", type, message);
  }
  if (response.status === 503 && says(/sealed/iu)) {
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, "Vault is sealed; unseal it");
  }
  // An agent that lacks its header, or a standby that has not caught up: worth another try.
  if (response.status === 412) {
    return new CredentialError(
      "ERR_CREDENTIAL_UNAVAILABLE",
      type,
      "Vault has not caught up (HTTP status 412)",
    );
  }
  return toStatusError(response, service, clock.now());
}
