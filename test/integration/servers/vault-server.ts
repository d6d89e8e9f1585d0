import { type Answer, type LoopbackServer, type SeenRequest, startServer } from "./loopback-server.ts";

/** A mount of the key-value engine. */
export interface VaultEngine {
  readonly version: 1 | 2;
  /** Secrets by path below the mount; null for a deleted one of version 2. */
  readonly secrets: Record<string, Readonly<Record<string, unknown>> | null>;
}

/** How the server behaves. */
export interface VaultOptions {
  readonly token: string;
  readonly namespace?: string;
  /** Mounts by path, ending in a slash. */
  readonly mounts: Record<string, VaultEngine>;
  /** Paths below which the token's policy allows reading; default everything. */
  readonly policy?: readonly string[];
  /** Answers in place of everything else. */
  readonly override?: (request: SeenRequest) => Answer | undefined;
  /** Whether `sys/internal/ui/mounts` is there; default true. */
  readonly knowsMounts?: boolean;
  /** Lease of every answer. */
  readonly lease?: { readonly id: string; readonly seconds: number };
}

const denied: Answer = { status: 403, body: { errors: ["1 error occurred:\n\t* permission denied\n\n"] } };

/**
 * A Vault server as far as reading secrets goes, down to statuses and bodies: the 404 with metadata for what
 * was deleted, the 404 with a warning for a path of the wrong version, the 412 without `X-Vault-Request`.
 */
export function startVault(options: VaultOptions): Promise<LoopbackServer> {
  return startServer((request) => options.override?.(request) ?? answer(request, options));
}

function answer({ method, url, headers }: SeenRequest, options: VaultOptions): Answer {
  const path = decodeURIComponent(url.pathname).replace(/^\/v1\//u, "");
  if (headers["x-vault-request"] !== "true")
    return { status: 412, body: { errors: ["missing 'X-Vault-Request' header"] } };
  if (method !== "GET") return { status: 405, body: { errors: ["unsupported operation"] } };
  if (headers["x-vault-token"] === undefined)
    return { status: 400, body: { errors: ["missing client token"] } };
  if (headers["x-vault-token"] !== options.token || headers["x-vault-namespace"] !== options.namespace)
    return denied;
  if (path.startsWith("sys/internal/ui/mounts/"))
    return describeMount(path.slice("sys/internal/ui/mounts/".length), options);
  const [mount, engine] = findMount(path, options);
  if (mount === undefined || engine === undefined)
    return { status: 404, body: { errors: [`no handler for route "${path}"`] } };
  if (options.policy !== undefined && !options.policy.some((prefix) => path.startsWith(prefix)))
    return denied;
  return readSecret(path.slice(mount.length), engine, options);
}

function findMount(path: string, { mounts }: VaultOptions) {
  return Object.entries(mounts).find(([mount]) => path.startsWith(mount)) ?? [undefined, undefined];
}

function describeMount(path: string, options: VaultOptions): Answer {
  if (options.knowsMounts === false) return { status: 404, body: { errors: [] } };
  const [mount, engine] = findMount(`${path}/`, options);
  if (mount === undefined || engine === undefined) {
    return {
      status: 403,
      body: {
        errors: [
          "preflight capability check returned 403, please ensure client's policies grant access to path",
        ],
      },
    };
  }
  const settings = engine.version === 2 ? { version: "2" } : null;
  return { status: 200, body: envelope({ path: mount, type: "kv", options: settings, uuid: "u" }, options) };
}

function readSecret(path: string, engine: VaultEngine, options: VaultOptions): Answer {
  if (engine.version === 1) {
    const secret = engine.secrets[path];
    return secret == null
      ? { status: 404, body: { errors: [] } }
      : { status: 200, body: envelope(secret, options) };
  }
  if (!path.startsWith("data/")) {
    const warnings = [
      "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use.",
    ];
    return { status: 404, body: { errors: [], warnings } };
  }
  const name = path.slice("data/".length);
  const secret = engine.secrets[name];
  if (secret === undefined) return { status: 404, body: { errors: [] } };
  const metadata = {
    created_time: "2026-01-01T00:00:00Z",
    deletion_time: secret === null ? "2026-02-01T00:00:00Z" : "",
    destroyed: false,
    version: 3,
  };
  return { status: secret === null ? 404 : 200, body: envelope({ data: secret, metadata }, options) };
}

function envelope(data: unknown, { lease }: VaultOptions) {
  return {
    request_id: "r",
    lease_id: lease?.id ?? "",
    renewable: false,
    lease_duration: lease?.seconds ?? 0,
    data,
    wrap_info: null,
    warnings: null,
    auth: null,
  };
}
