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

/** The name of Vault in errors. */
export function toVaultService({ type }: VaultSource): Service {
  return { sourceType: type, name: "Vault" };
}

/**
 * Creates the transport to a Vault server, with the trusted certificates and the namespace.
 *
 * @throws {@link CredentialError} for unreadable certificates
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
