import { parseByteSize } from "../core/byte-size.ts";
import type { CacheDefinition, CacheDestination, CachePermissions, CacheType } from "../core/cache.ts";
import type { CredentialSource, VaultAuth } from "../core/credential-source.ts";
import { isCacheType } from "./destination/destination.ts";
import { isCustomName } from "./rules/credential-checks.ts";
import { clampTimeout } from "./rules/server-checks.ts";
import { isPlainCache } from "./schema/plain-cache.ts";
import type { CacheWire, CredentialsWire, ServerWire } from "./schema/server-schema.ts";

/**
 * The trusted configuration of the server: which caches exist, and what applies to all of them.
 *
 * @public
 */
export interface ServerConfig {
  /** What applies to every cache. */
  readonly security: SecurityPolicy;
  /** The caches, in the order of the file; ids are unique. */
  readonly caches: readonly CacheDefinition[];
}

/**
 * The `[security]` table.
 *
 * @public
 */
export interface SecurityPolicy {
  /** Timeout of a push in seconds; 1 to 86 400, default 300. */
  readonly maxHookTimeoutSeconds: number;
  /** Whether every decision, credential fetch, start and end is an audit event; default true. */
  readonly auditHooks: boolean;
  /** Whether destinations on private, loopback and link-local hosts are accepted; default false. */
  readonly allowPrivateCacheHosts: boolean;
}

/** A cache of a file, with its destination parsed. */
export interface CheckedCache {
  readonly wire: CacheWire;
  /** Absent only if the file has an error. */
  readonly destination: CacheDestination | undefined;
}

/** Turns a checked file into the model, and snake_case into camelCase. */
export function toServerConfig(
  security: ServerWire["security"],
  caches: readonly CheckedCache[],
): ServerConfig {
  return {
    security: {
      maxHookTimeoutSeconds: clampTimeout(security?.max_hook_timeout_seconds ?? 300),
      auditHooks: security?.audit_hooks ?? true,
      allowPrivateCacheHosts: security?.allow_private_cache_hosts ?? false,
    },
    caches: caches.map(toCache),
  };
}

function toCache({ wire, destination }: CheckedCache): CacheDefinition {
  if (destination === undefined) throw new TypeError("A cache without errors has no destination");
  return {
    id: wire.id,
    cacheType: toCacheType(wire.cache_type),
    destination: toDestination(destination, wire),
    credentials: toCredentialSource(wire.credentials),
    permissions: toPermissions(wire.permissions),
    ...(isPlainCache(wire) ? undefined : toOptions(wire)),
  };
}

function toCacheType(type: string): CacheType {
  if (!isCacheType(type)) throw new TypeError("A cache without errors has no type");
  return type;
}

function toOptions(wire: CacheWire): Partial<CacheDefinition> {
  return {
    upload: wire.upload,
    stagingBytes: wire.staging_size === undefined ? undefined : parseByteSize(wire.staging_size),
    substituter: wire.substituter,
    upstreamKeys: wire.upstream_keys,
    requireSignature: wire.require_signature,
    ...toPushRules(wire),
  };
}

function toPushRules(wire: CacheWire): Partial<CacheDefinition> {
  const { exclude, upstream_caches: upstreamCaches, deny_paths: denyPaths, max_paths: maxPaths } = wire;
  const { max_nar_size: narSize, max_closure_size: closureSize, on_failure: onFailure } = wire;
  const rules = { exclude, upstreamCaches, denyPaths, maxPaths, onFailure };
  const { signing_key: signingKey, trusted_public_keys: trustedPublicKeys } = wire;
  const after = wire.after_push;
  return {
    ...rules,
    promoteFrom: wire.promote_from?.map(({ cache, require_signature: requireSignature }) => ({
      cache,
      requireSignature,
    })),
    afterPush: after && { pin: after.pin, keepRevisions: after.keep_revisions, keepDays: after.keep_days },
    trustedPublicKeys,
    signingKey: signingKey === undefined ? undefined : toCredentialSource(signingKey),
    maxNarBytes: narSize === undefined ? undefined : parseByteSize(narSize),
    maxClosureBytes: closureSize === undefined ? undefined : parseByteSize(closureSize),
  };
}

function toDestination(destination: CacheDestination, wire: CacheWire): CacheDestination {
  switch (destination.type) {
    case "attic":
      return { ...destination, jobs: wire.jobs, ignoreUpstream: wire.ignore_upstream };
    case "cachix":
      return { ...destination, host: wire.host };
    case "custom":
      return wire.options === undefined ? destination : { ...destination, options: wire.options };
    case "s3":
    case "http":
      return destination;
  }
}

function toPermissions(wire: CacheWire["permissions"]): CachePermissions {
  return {
    allowAll: wire === undefined ? true : (wire.allow_all ?? false),
    allowedRepos: wire?.allowed_repos,
    allowedBranches: wire?.allowed_branches,
    allowForks: wire?.allow_forks,
  };
}

function toCredentialSource(wire: CredentialsWire): CredentialSource {
  if (typeof wire === "string") return { type: wire };
  if (wire.env) return { type: "env", vars: wire.env.vars };
  if (wire.file) {
    return { type: "file", path: wire.file.path, filePermissions: wire.file.file_permissions ?? "strict" };
  }
  if (wire["aws-profile"]) return { type: "aws-profile", profile: wire["aws-profile"].profile };
  if (wire["cachix-token"]) return { type: "cachix-token", envVar: wire["cachix-token"].env_var };
  if (wire["systemd-credential"])
    return { type: "systemd-credential", name: wire["systemd-credential"].name };
  return toRemoteSource(wire);
}

function toRemoteSource(wire: Exclude<CredentialsWire, string>): CredentialSource {
  const { vault, "aws-secrets-manager": secretsManager } = wire;
  if (vault) return toVault(vault);
  if (secretsManager) {
    return {
      type: "aws-secrets-manager",
      secretName: secretsManager.secret_name,
      region: secretsManager.region,
    };
  }
  if (wire["instance-metadata"]) return toInstanceMetadata(wire["instance-metadata"]);
  if (wire.none) return { type: "none" };
  const [type, options] = Object.entries(wire)[0] ?? [];
  if (type === undefined || !isCustomName(type))
    throw new TypeError("Credentials without errors have no source");
  return { type, options };
}

function toVault(wire: NonNullable<Exclude<CredentialsWire, string>["vault"]>): CredentialSource {
  const { address, secret_path: secretPath, token_env: tokenEnv = "VAULT_TOKEN", namespace } = wire;
  return {
    ...{ type: "vault", address, secretPath, tokenEnv, tokenFile: wire.token_file, namespace },
    auth: wire.auth === undefined ? undefined : toVaultAuth(wire.auth),
    tlsServerName: wire.tls_server_name,
  };
}

type VaultAuthWire = NonNullable<NonNullable<Exclude<CredentialsWire, string>["vault"]>["auth"]>;

function toVaultAuth({ approle, kubernetes, jwt }: VaultAuthWire): VaultAuth {
  if (approle !== undefined) {
    const { role_id: roleId, secret_id_env: secretIdEnv = "VAULT_SECRET_ID", mount = "approle" } = approle;
    return { method: "approle", roleId, secretIdEnv, secretIdFile: approle.secret_id_file, mount };
  }
  if (kubernetes !== undefined) {
    const { role, token_file: tokenFile = SERVICE_ACCOUNT_TOKEN, mount = "kubernetes" } = kubernetes;
    return { method: "kubernetes", role, tokenFile, mount };
  }
  if (jwt === undefined) throw new TypeError("An auth without errors has no method");
  const { role, token_env: tokenEnv = "VAULT_JWT", mount = "jwt" } = jwt;
  return { method: "jwt", role, tokenEnv, tokenFile: jwt.token_file, mount };
}

/** Where Kubernetes mounts the token of a pod's service account. */
const SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

function toInstanceMetadata(
  wire: NonNullable<Exclude<CredentialsWire, string>["instance-metadata"]>,
): CredentialSource {
  const { provider, role_arn: roleArn, audience, client_id: clientId, region } = wire;
  return { type: "instance-metadata", provider, roleArn, audience, clientId, region };
}
