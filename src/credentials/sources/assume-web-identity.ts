import type { AwsRequestHandler } from "./aws-request-handler.ts";

/** How STS is asked. */
export interface StsClientConfig {
  readonly requestHandler: AwsRequestHandler;
  readonly maxAttempts: number;
  readonly region: string;
}

/** The parameters of exchanging an identity token, in the form of the AWS SDK. */
export interface WebIdentityParams {
  readonly RoleArn?: string | undefined;
  readonly RoleSessionName?: string | undefined;
  readonly WebIdentityToken?: string | undefined;
  readonly DurationSeconds?: number | undefined;
}

/**
 * Exchanges an identity token for the keys of an AWS role
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html). Rejects with what
 * the SDK throws.
 */
export async function assumeWebIdentity(params: WebIdentityParams, clientConfig: StsClientConfig) {
  const { RoleArn = "", RoleSessionName, WebIdentityToken = "", DurationSeconds } = params;
  const { fromWebToken } = await import("@aws-sdk/credential-provider-web-identity");
  return fromWebToken({
    roleArn: RoleArn,
    webIdentityToken: WebIdentityToken.trim(),
    ...(RoleSessionName === undefined ? {} : { roleSessionName: RoleSessionName }),
    ...(DurationSeconds === undefined ? {} : { durationSeconds: DurationSeconds }),
    clientConfig,
  })();
}
