import type { VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { isRecord, type Members, readMember } from "../../core/own-member.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { toSecrets } from "../secret-object.ts";
import { createVaultClient, type VaultAnswer, type VaultClient } from "./vault-client.ts";
import { findDataPath, parseMount, toDataPath } from "./vault-path.ts";
import { VaultSession, type VaultToken } from "./vault-session.ts";
import { createVaultTransport } from "./vault-transport.ts";

/**
 * A secret of Vault's key-value engine, version 1 or 2, by its path in the API (`secret/data/…`) or in
 * `vault kv put` (`secret/…`); or keys of its AWS engine.
 *
 * Vault reports the mount of a path and its version at `sys/internal/ui/mounts`, for which a token needs no
 * extra policy. Otherwise the path is read as written. A known mount is not queried again, so a secret costs
 * one request.
 */
export function createVaultProvider(source: VaultSource, runtime: Runtime): CredentialProvider {
  const reader = new SecretReader(source);
  const session = new VaultSession(source, runtime);
  return withRetries(async (request = {}) => {
    const send = await createVaultTransport(source, runtime, request);
    return session.use(send, request, async (token) => {
      const client = await createVaultClient(source, token.value, send, runtime);
      return toCredentials(await reader.read(client), token, source, runtime);
    });
  }, runtime);
}

class SecretReader {
  readonly #source: VaultSource;
  readonly #path: string;
  /** Nothing if not known; the path itself if Vault does not tell. */
  #known: { readonly path: string; readonly isTold: boolean } | undefined;

  constructor(source: VaultSource) {
    this.#source = source;
    this.#path = source.secretPath.replace(/^\/+|\/+$/gu, "");
  }

  async read(client: VaultClient): Promise<Members> {
    const known = this.#known;
    if (known === undefined) return this.#readAnew(client);
    const answer = await client.read(known.path, { tolerate: [403] });
    if (answer.status === 200) return answer.body;
    // The engine may have been mounted again in its other version, or the token may read only one of the
    // paths.
    this.#known = undefined;
    return this.#readAnew(client);
  }

  async #readAnew(client: VaultClient): Promise<Members> {
    this.#known = await this.#find(client);
    const { path, isTold } = this.#known;
    const answer = await client.read(path);
    if (answer.status === 200) return answer.body;
    this.#known = undefined;
    const other = isTold ? undefined : findDataPath(path, answer);
    const second = other === undefined ? answer : await client.read(other);
    if (second.status !== 200) throw toAbsence(second, this.#source);
    if (other !== undefined) this.#known = { path: other, isTold };
    return second.body;
  }

  async #find(client: VaultClient): Promise<{ readonly path: string; readonly isTold: boolean }> {
    const [path, { namespace }] = [this.#path, this.#source];
    const answer = await client.read(`sys/internal/ui/mounts/${path}`, { tolerate: [400, 403, 404, 405] });
    const mount = answer.status === 200 ? parseMount(answer.body, { path, namespace }) : undefined;
    return mount === undefined ? { path, isTold: false } : { path: toDataPath(path, mount), isTold: true };
  }
}

/** A deleted secret leaves its metadata in the body of the 404. */
function toAbsence({ body }: VaultAnswer, { type, secretPath }: VaultSource): CredentialError {
  const data = readMember(body, "data");
  const metadata = isRecord(data) ? readMember(data, "metadata") : undefined;
  const message = isRecord(metadata)
    ? readMember(metadata, "destroyed") === true
      ? `The secret ${secretPath} was destroyed in Vault; write it again with: vault kv put`
      : `The secret ${secretPath} was deleted from Vault; restore it with: vault kv undelete`
    : `Vault has no secret at ${secretPath}; check mount and path with: vault kv get`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

function toCredentials(
  body: Members,
  token: VaultToken,
  { type, secretPath }: VaultSource,
  { clock }: Runtime,
): Credentials {
  const data = readMember(body, "data");
  if (!isRecord(data)) {
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, "Vault answers without any data");
  }
  const inner = readMember(data, "data");
  const versioned = isRecord(inner) && isRecord(readMember(data, "metadata"));
  const secret = versioned ? inner : data;
  const env = toSecrets(toAwsNames(secret) ?? secret, type, `The Vault secret ${secretPath}`);
  return { env, expiration: toExpiration(body, token, clock.now()) };
}

/**
 * The keys of Vault's AWS engine, with the names that push tools know. A secret that already has such names
 * is not changed (https://developer.hashicorp.com/vault/api-docs/secret/aws). The token has had two names,
 * and is null for IAM users.
 */
function toAwsNames(data: Members): Members | undefined {
  const [id, secret] = ["access_key", "secret_key"].map((name) => readMember(data, name));
  const isNamed = Object.keys(data).some((name) => name.startsWith("AWS_"));
  if (isNamed || typeof id !== "string" || typeof secret !== "string") return undefined;
  const token = readMember(data, "session_token") ?? readMember(data, "security_token");
  const keys = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
  return token === undefined || token === null || token === "" ? keys : { ...keys, AWS_SESSION_TOKEN: token };
}

/**
 * The end of a lease, at the latest with the end of the token that it was given to
 * (https://developer.hashicorp.com/vault/docs/concepts/lease). The key-value engines report a lease without
 * an id, which never ends.
 */
function toExpiration(body: Members, token: VaultToken, now: number): Date | undefined {
  const id = readMember(body, "lease_id");
  const seconds = readMember(body, "lease_duration");
  if (typeof id !== "string" || id === "" || typeof seconds !== "number" || seconds <= 0) return undefined;
  return new Date(Math.min(now + seconds * 1000, token.endsAt ?? Number.POSITIVE_INFINITY));
}
