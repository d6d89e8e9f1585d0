import type { VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { isRecord, type Members, readMember } from "../../core/own-member.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { toSecrets } from "../secret-object.ts";
import { createVaultClient, type VaultAnswer, type VaultClient } from "./vault-client.ts";
import { findDataPath, parseMount, toDataPath } from "./vault-path.ts";

/**
 * A secret of Vault's key-value engine, either version, by the path that the guide writes (`secret/data/…`) or the one
 * that `vault kv put` takes (`secret/…`).
 *
 * Vault tells the mount of a path and its version under `sys/internal/ui/mounts`, for which a token needs no policy of
 * its own; where it does not, the path is read as it is written.
 */
export function createVaultProvider(source: VaultSource, runtime: Runtime): CredentialProvider {
  return withRetries(async (request = {}) => {
    const client = await createVaultClient(source, runtime, request);
    const answer = await readSecret(source, client);
    return toCredentials(answer, source, runtime);
  }, runtime);
}

async function readSecret(source: VaultSource, client: VaultClient): Promise<Members> {
  const path = source.secretPath.replace(/^\/+|\/+$/gu, "");
  const mount = await readMount(path, source.namespace, client);
  const asked = mount === undefined ? path : toDataPath(path, mount);
  const answer = await client.read(asked);
  if (answer.status === 200) return answer.body;
  const other = mount === undefined ? findDataPath(path, answer) : undefined;
  const second = other === undefined ? answer : await client.read(other);
  if (second.status === 200) return second.body;
  throw toAbsence(second, source);
}

async function readMount(path: string, namespace: string | undefined, client: VaultClient) {
  const answer = await client.read(`sys/internal/ui/mounts/${path}`, { tolerate: [400, 403, 404, 405] });
  return answer.status === 200 ? parseMount(answer.body, { path, namespace }) : undefined;
}

/** A secret that was deleted leaves its metadata behind, in the body of the 404. */
function toAbsence({ body }: VaultAnswer, { type, secretPath }: VaultSource): CredentialError {
  const data = readMember(body, "data");
  const metadata = isRecord(data) ? readMember(data, "metadata") : undefined;
  const message = isRecord(metadata)
    ? readMember(metadata, "destroyed") === true
      ? `The secret ${secretPath} was destroyed in Vault; write it anew with: vault kv put`
      : `The secret ${secretPath} was deleted from Vault; restore it with: vault kv undelete`
    : `Vault has no secret at ${secretPath}; check mount and path with: vault kv get`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

function toCredentials(body: Members, { type, secretPath }: VaultSource, runtime: Runtime): Credentials {
  const data = readMember(body, "data");
  if (!isRecord(data)) {
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, "Vault answers without any data");
  }
  const inner = readMember(data, "data");
  const versioned = isRecord(inner) && isRecord(readMember(data, "metadata"));
  const env = toSecrets(versioned ? inner : data, type, `The Vault secret ${secretPath}`);
  return { env, expiration: toExpiration(body, runtime) };
}

// The key-value engines state a lease without an id, which nothing ever ends.
function toExpiration(body: Members, { clock }: Runtime): Date | undefined {
  const id = readMember(body, "lease_id");
  const seconds = readMember(body, "lease_duration");
  if (typeof id !== "string" || id === "" || typeof seconds !== "number" || seconds <= 0) return undefined;
  return new Date(clock.now() + seconds * 1000);
}
