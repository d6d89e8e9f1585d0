import { type AwsSecretsManagerSource, findSecretRegion } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import type { CredentialProvider } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { toSecrets } from "../secret-object.ts";
import { toAwsError } from "./aws-errors.ts";
import { createIdentityFinder } from "./aws-identity.ts";
import { createAwsRequestHandler } from "./aws-request-handler.ts";

/** A secret of AWS Secrets Manager: a JSON object of texts, which the host's own AWS identity reads. */
export function createAwsSecretsManagerProvider(
  source: AwsSecretsManagerSource,
  runtime: Runtime,
): CredentialProvider {
  const { secretName, type } = source;
  const service = { sourceType: type, name: "AWS Secrets Manager" };
  const findIdentity = createIdentityFinder(type, runtime);
  // This package retries, so the SDK does not.
  return withRetries(async ({ signal } = {}) => {
    const region = chooseRegion(source, runtime);
    const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
    const requestHandler = createAwsRequestHandler(service, runtime, signal);
    const credentials = await findIdentity(signal);
    const client = new SecretsManagerClient({ region, maxAttempts: 1, requestHandler, credentials });
    try {
      const { SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: secretName }));
      if (text === undefined) throw notText(source);
      const what = { sourceType: type, name: `The secret ${secretName}` };
      return { env: toSecrets(parseAnswer({ body: new TextEncoder().encode(text) }, what), type, what.name) };
    } catch (error) {
      signal?.throwIfAborted();
      throw toAwsError(error, service, requestHandler.lastFailure);
    } finally {
      client.destroy();
    }
  }, runtime);
}

function chooseRegion({ secretName, region, type }: AwsSecretsManagerSource, { env }: Runtime): string {
  const found = findSecretRegion(secretName) || region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"];
  if (found !== undefined && found !== "") return found;
  const message = "Environment variable AWS_REGION not set; set it, or write region beside secret_name";
  throw new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", type, message);
}

function notText({ secretName, type }: AwsSecretsManagerSource): CredentialError {
  const message = `The secret ${secretName} is binary; store a JSON object as text`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
