import { createCredentialResolver, createNodeRuntime, type VaultSource } from "@eka-ci/caches";
import { createTestRuntime } from "@eka-ci/caches/testing";
import { type ExternalServer, startExternal } from "./external-server.ts";

/** The token of the administrator of a server in development mode. */
export const ROOT = "canary-root-token";

const { http, clock, files } = createNodeRuntime();

/** An OpenBao server in development mode, with what its administrator needs. */
export interface OpenBao extends ExternalServer {
  /** Sends a request of the administrator's. */
  administer(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
}

/** Starts a server in development mode. */
export async function startOpenBao(
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<OpenBao> {
  const toArgs = (port: number): readonly string[] => [
    ...["server", "-dev", "-dev-no-store-token", `-dev-root-token-id=${ROOT}`],
    ...[`-dev-listen-address=127.0.0.1:${port}`, ...options],
  ];
  const server = await startExternal("bao", toArgs, env);
  const administer: OpenBao["administer"] = async (method, path, body) => {
    const response = await fetch(`${server.url}/v1/${path}`, {
      method,
      headers: { "X-Vault-Token": ROOT },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answers ${response.status}: ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  return { ...server, administer };
}

/** A source at a Vault server, with the requests that it sends. */
export function readVault(source: VaultSource, env: Readonly<Record<string, string>> = {}) {
  /** Method and path of each request. */
  const asked: string[] = [];
  const counting = {
    send: (request: Parameters<typeof http.send>[0]) => {
      asked.push(`${request.method} ${new URL(request.url).pathname.slice("/v1/".length)}`);
      return http.send(request);
    },
  };
  const runtime = {
    ...createTestRuntime({ env, http: counting, clock }),
    files,
    user: { uid: process.getuid?.(), homeDirectory: "/nonexistent" },
  };
  const resolver = createCredentialResolver({ runtime });
  const read = async (forceRefresh = true) => {
    const { env: values, expiration } = await resolver.resolve(source, { forceRefresh });
    const shown = Object.fromEntries([...values].map(([name, value]) => [name, value.expose()]));
    return { values: shown, expiration };
  };
  return { asked, read };
}
