import type { AwsProfileSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { Credentials } from "../provider.ts";
import { createProfileResolver, hasAwsProfile } from "./aws-profile.ts";
import { proveOne } from "./instance-metadata/detect-cloud.ts";
import { ec2 } from "./instance-metadata/ec2.ts";
import type { MetadataContext } from "./instance-metadata/metadata-service.ts";
import { findOwnIdentity } from "./instance-metadata/own-identity.ts";

/** The host's own keys, as the clients of the AWS SDK take them. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Creates the provider of the host's own AWS identity, in the order of the AWS SDKs: keys in the environment,
 * a profile, the role of the pod or container, the role of the machine. The SDK's own provider is not used,
 * because it also uses version 1 of the metadata service, and reads the process's environment instead of the
 * runtime's.
 *
 * @param sourceType - the `type` of the source that asks, for errors
 * @returns a function that throws {@link CredentialError} `ERR_CREDENTIAL_NOT_CONFIGURED` if there is none,
 * else what its source throws
 */
export function createIdentityFinder(
  sourceType: string,
  runtime: Runtime,
): (signal: AbortSignal | undefined) => Promise<AwsKeys> {
  const named = runtime.env["AWS_PROFILE"];
  const profile: AwsProfileSource = { type: "aws-profile", profile: named || "default" };
  const resolveProfile = createProfileResolver(profile, runtime);
  return async (signal) => {
    try {
      const keys = await findKeys(runtime);
      if (keys !== undefined) return toKeys(keys);
      if (named || (await hasAwsProfile(profile, runtime))) return toKeys(await resolveProfile(signal));
      return toKeys(await askMachine(runtime, signal));
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      const message = `The host's own AWS identity: ${error.message}`;
      throw new CredentialError(error.code, sourceType, message, error.retryAfterMs);
    }
  };
}

async function findKeys({ env }: Runtime): Promise<Credentials | undefined> {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  const found = names.flatMap((name) => (env[name] ? [[name, new Secret(env[name])] as const] : []));
  const keys = new Map(found);
  return keys.has("AWS_ACCESS_KEY_ID") && keys.has("AWS_SECRET_ACCESS_KEY") ? { env: keys } : undefined;
}

async function askMachine(runtime: Runtime, signal: AbortSignal | undefined): Promise<Credentials> {
  const context: MetadataContext = { source: { type: "instance-metadata" }, runtime, request: { signal } };
  const own = await findOwnIdentity(context);
  if (own !== undefined) return own.fetch(context);
  const machine = await proveOne([ec2], context);
  return machine.fetch(context);
}

function toKeys({ env }: Credentials): AwsKeys {
  const read = (name: string): string | undefined => env.get(name)?.expose();
  const sessionToken = read("AWS_SESSION_TOKEN");
  return {
    accessKeyId: read("AWS_ACCESS_KEY_ID") ?? "",
    secretAccessKey: read("AWS_SECRET_ACCESS_KEY") ?? "",
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
}
