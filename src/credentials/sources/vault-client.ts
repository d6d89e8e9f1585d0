import type { VaultSource } from "../../core/credential-source.ts";
import type { Members } from "../../core/own-member.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import { parseIfJson, toVaultError } from "./vault-errors.ts";
import { toVaultService, type VaultTransport } from "./vault-transport.ts";

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
 * Makes a client on `node-vault`, with a transport of ours in its `request-promise` seam. On its own it puts
 * the token into the errors of its HTTP library, sends it along redirects and to proxies, and has no
 * deadline. What it would take from the environment silently (address, token, namespace, prefix) is stated
 * here.
 */
export async function createVaultClient(
  source: VaultSource,
  token: string,
  transport: VaultTransport,
  { clock }: Runtime,
): Promise<VaultClient> {
  const { default: createNodeVault } = await import("node-vault");
  const send = async ({ method, uri, headers }: TransportRequest): Promise<TransportResponse> => {
    const response = await transport({ method, url: uri, headers });
    // Success tells node-vault to hand the whole answer back; statuses are read here, with their headers.
    return { statusCode: 200, body: response, request: { path: new URL(uri).pathname } };
  };
  const vault = createNodeVault({
    endpoint: source.address,
    token,
    "request-promise": { defaults: () => send },
  });
  Object.assign(vault, { namespace: "", pathPrefix: "" });
  return {
    read: async (path, { tolerate } = { tolerate: [] }) => {
      const response: HttpResponse = await vault.read(path);
      if (response.status === 200)
        return { status: 200, body: parseAnswer(response, toVaultService(source)) };
      if (response.status === 404 || tolerate.includes(response.status))
        return { status: response.status, body: parseIfJson(response, source) };
      throw toVaultError(response, source, clock.now());
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
