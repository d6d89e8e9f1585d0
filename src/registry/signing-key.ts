import { SigningKey } from "../binary-cache/path-signature.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { showCredentialName } from "../core/environment-name.ts";
import { CommandError, PushError } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { PushContext } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";
import type { UploadWay } from "./push-types.ts";

/**
 * Fetches the signing key of a cache, the only credential of its source.
 *
 * @param emit - records an event; if that fails, nothing may be pushed
 * @returns nothing for a cache without one
 * @throws {@link CredentialError} `ERR_CREDENTIAL_…`; {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export async function fetchSigningKey(
  { signingKey: source }: CacheDefinition,
  { resolver, deadline: { signal } }: PushContext,
  emit: (event: Parameters<PushParticipant["emit"]>[0]) => Promise<void>,
): Promise<Secret | undefined> {
  if (source === undefined) return undefined;
  const { type: sourceType } = source;
  const credentials = await resolver.resolve(source, { signal }).catch(async (error: unknown) => {
    const failure = signal.aborted ? toEnded(signal) : toPushFailure(error);
    await emit({ type: "credentials.failed", sourceType, code: failure.code });
    throw failure;
  });
  const { name, key } = findSigningKey(credentials);
  await emit({ type: "credentials.resolved", sourceType, names: [showCredentialName(name)] });
  return key;
}

/** @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS` */
function findSigningKey({ env }: Credentials): { readonly name: string; readonly key: Secret } {
  const [entry, ...others] = env;
  if (entry !== undefined && others.length === 0) return { name: entry[0], key: entry[1] };
  const message = "The source under signing_key yields one credential, which is the key, and no other";
  throw new CommandError("ERR_COMMAND_CREDENTIALS", message);
}

/**
 * Checks whether the signing key of a cache can be fetched, and would be accepted.
 *
 * @returns the name of its credential; none for a cache without a key
 * @throws as a push would
 */
export async function checkSigningKey(
  cache: CacheDefinition,
  resolver: CredentialResolver,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (cache.signingKey === undefined) return [];
  const { name, key } = findSigningKey(await resolver.resolve(cache.signingKey, { signal }));
  if (cache.destination.type !== "cachix") readSigningKey(key, cache);
  return [showCredentialName(name)];
}

/**
 * Reads a signing key for paths that this process uploads, and compares it with the signatures that the cache
 * requires.
 *
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS` for a text that is not a key, or a key that would
 * not be accepted
 */
export function readSigningKey(
  secret: Secret,
  { requireSignature, trustedPublicKeys }: CacheDefinition,
): SigningKey {
  const key = new SigningKey(secret);
  if (requireSignature !== undefined && key.name !== requireSignature) {
    const message = `The signing key is called ${key.name}, but require_signature requires ${requireSignature}`;
    throw new CommandError("ERR_COMMAND_CREDENTIALS", message);
  }
  if (trustedPublicKeys !== undefined && !trustedPublicKeys.includes(key.publicKey)) {
    const message = `The public half of the signing key ${key.name} is not among trusted_public_keys`;
    throw new CommandError("ERR_COMMAND_CREDENTIALS", message);
  }
  return key;
}

/** The credentials of a cache's tool, with the key that it signs with. */
export function withSigningKey(
  credentials: Credentials,
  key: Secret | undefined,
  { destination }: CacheDefinition,
): Credentials {
  if (key === undefined || destination.type !== "cachix") return credentials;
  return { ...credentials, env: new Map([...credentials.env, ["CACHIX_SIGNING_KEY", key]]) };
}

/**
 * Nix would need the key to sign with it.
 *
 * @param isLasting - whether the next attempt would also use Nix
 */
export function refuseUnsigned(upload: UploadWay | undefined, isLasting: boolean): never {
  const reason = upload?.way === "nix" ? `: ${upload.reason}` : "";
  const message = `Paths are signed only if this process uploads them, but nix would have to${reason}; sign when building`;
  throw isLasting
    ? new CommandError("ERR_COMMAND_CREDENTIALS", message)
    : new PushError("ERR_PUSH_FAILED", message);
}
