import { Secret } from "../../../core/secret.ts";
import type { Credentials } from "../../provider.ts";
import { assumeWebIdentity } from "../assume-web-identity.ts";
import { toAwsError } from "../aws-errors.ts";
import { createAwsRequestHandler } from "../aws-request-handler.ts";
import { type MetadataContext, SOURCE_TYPE } from "./metadata-service.ts";

const SESSION_SECONDS = 3600;
const STS = { sourceType: SOURCE_TYPE, name: "AWS STS" };

/** Whether a text has the shape of a signed token (RFC 7515, compact serialization). */
export function isIdentityToken(text: string): boolean {
  return /^[\w-]{4,}\.[\w-]{4,}\.[\w-]{4,}$/u.test(text);
}

/** How an identity token is exchanged. */
interface AssumedRole {
  readonly roleArn: string;
  readonly token: Secret;
  /** Name of the session in AWS's logs; default unique. */
  readonly sessionName?: string | undefined;
}

/**
 * Exchanges the identity token of a pod, or of a machine outside AWS, for the keys of an AWS role
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
 */
export async function assumeRoleWithIdentity(
  { roleArn, token, sessionName }: AssumedRole,
  { source, runtime, request: { signal } }: MetadataContext,
): Promise<Credentials> {
  const { env } = runtime;
  const region = source.region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
  const requestHandler = createAwsRequestHandler(STS, runtime, signal);
  try {
    const params = {
      RoleArn: roleArn,
      WebIdentityToken: token.expose(),
      RoleSessionName: sessionName ?? `eka-ci-${runtime.random.uuid()}`,
      DurationSeconds: SESSION_SECONDS,
    };
    const keys = await assumeWebIdentity(params, { region, requestHandler, maxAttempts: 1 });
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
