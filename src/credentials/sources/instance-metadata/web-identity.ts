import { Secret } from "../../../core/secret.ts";
import type { Credentials } from "../../provider.ts";
import { toAwsError } from "../aws-errors.ts";
import { createAwsRequestHandler } from "../aws-request-handler.ts";
import { type MetadataContext, SOURCE_TYPE } from "./metadata-service.ts";

const SESSION_SECONDS = 3600;
const STS = { sourceType: SOURCE_TYPE, name: "AWS STS" };

/** Whether a text has the shape of a signed token (RFC 7515, compact serialization). */
export function isIdentityToken(text: string): boolean {
  return /^[\w-]{4,}\.[\w-]{4,}\.[\w-]{4,}$/u.test(text);
}

/**
 * Exchanges the identity token of a machine outside AWS for the keys of an AWS role
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html): the one way for `nix copy` to
 * reach S3 from there.
 */
export async function assumeRoleWithIdentity(
  { roleArn, token }: { readonly roleArn: string; readonly token: Secret },
  { source, runtime, request: { signal } }: MetadataContext,
): Promise<Credentials> {
  const { fromWebToken } = await import("@aws-sdk/credential-provider-web-identity");
  const { env } = runtime;
  const region = source.region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
  const requestHandler = createAwsRequestHandler(STS, runtime, signal);
  try {
    const keys = await fromWebToken({
      roleArn,
      webIdentityToken: token.expose(),
      roleSessionName: `eka-ci-${runtime.random.uuid()}`,
      durationSeconds: SESSION_SECONDS,
      clientConfig: { region, requestHandler, maxAttempts: 1 },
    })();
    const values = new Map([
      ["AWS_ACCESS_KEY_ID", new Secret(keys.accessKeyId)],
      ["AWS_SECRET_ACCESS_KEY", new Secret(keys.secretAccessKey)],
    ]);
    if (keys.sessionToken !== undefined) values.set("AWS_SESSION_TOKEN", new Secret(keys.sessionToken));
    return { env: values, expiration: keys.expiration };
  } catch (error) {
    signal?.throwIfAborted();
    throw toAwsError(error, STS, requestHandler.lastFailure);
  }
}
