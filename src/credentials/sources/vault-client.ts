import type { VaultSource } from "../../core/credential-source.ts";
import type { Members } from "../../core/own-member.ts";
import type { HttpResponse } from "../../host/http-client.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import { parseIfJson, toVaultError } from "./vault-errors.ts";
import { toVaultService, type VaultTransport } from "./vault-transport.ts";

/** A successful answer, or "not found". */
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
 * Creates a client with `node-vault`, with our transport in its `request-promise` seam. With its own
 * transport it puts the token into errors, sends it to redirects and proxies, and has no deadline. What it
 * would silently read from the environment (address, token, namespace, prefix) is set here.
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
    // Success makes node-vault return the whole answer; statuses and headers are read here.
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

/** What node-vault passes to its transport. */
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
