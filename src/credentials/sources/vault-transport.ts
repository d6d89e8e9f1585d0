import type { VaultSource } from "../../core/credential-source.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { askService, type Service } from "../http-answer.ts";
import type { CredentialRequest } from "../provider.ts";
import { readVaultCertificates } from "./vault-certificates.ts";

/** A request to a Vault server. */
export interface VaultRequest {
  readonly method: string;
  /** Absolute URL. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Sends a request to a Vault server. */
export type VaultTransport = (request: VaultRequest) => Promise<HttpResponse>;

/** How Vault is called in errors. */
export function toVaultService({ type }: VaultSource): Service {
  return { sourceType: type, name: "Vault" };
}

/**
 * Makes what sends requests to a Vault server, with the certificates that are trusted and the namespace.
 *
 * @throws {@link CredentialError} for certificates that cannot be read
 */
export async function createVaultTransport(
  source: VaultSource,
  runtime: Runtime,
  { signal }: CredentialRequest,
): Promise<VaultTransport> {
  const certificateAuthorities = await readVaultCertificates(source, runtime);
  const { namespace, tlsServerName: serverName } = source;
  return ({ method, url, headers, body }) => {
    // An agent refuses requests without the last one.
    const all = {
      ...headers,
      ...(namespace === undefined ? {} : { "X-Vault-Namespace": namespace }),
      ...{ accept: "application/json", "X-Vault-Request": "true" },
    };
    const options = { certificateAuthorities, serverName, signal };
    return askService({ method, url, headers: all, body, ...options }, toVaultService(source), runtime);
  };
}
