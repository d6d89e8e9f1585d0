import type { EnvSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";

/** Named variables of the host's environment, by their own names. */
export function createEnvProvider(source: EnvSource, runtime: Runtime): CredentialProvider {
  return async () => {
    const env = readVariables(source.vars, source.type, runtime);
    return { env, ...findExpiration(env, runtime) };
  };
}

/**
 * Reads variables that must all be set.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_NOT_CONFIGURED`
 */
export function readVariables(
  names: readonly string[],
  sourceType: string,
  { env }: Runtime,
): ReadonlyMap<string, Secret> {
  const missing = names.filter(
    (name) => !Object.hasOwn(env, name) || env[name] === undefined || env[name] === "",
  );
  if (missing.length > 0) {
    const subject = missing.length === 1 ? "Environment variable" : "Environment variables";
    throw new CredentialError(
      "ERR_CREDENTIAL_NOT_CONFIGURED",
      sourceType,
      `${subject} ${missing.join(", ")} not set`,
    );
  }
  return new Map(names.map((name) => [name, new Secret(env[name] ?? "")]));
}

// Tools that export a session token put its expiration in this variable, which the AWS SDKs read.
function findExpiration(env: Credentials["env"], runtime: Runtime): Pick<Credentials, "expiration"> {
  const text = runtime.env["AWS_CREDENTIAL_EXPIRATION"];
  if (!env.has("AWS_SESSION_TOKEN") || text === undefined || Number.isNaN(Date.parse(text))) return {};
  return { expiration: new Date(text) };
}
