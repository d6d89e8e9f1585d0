import type { AwsSecretsManagerSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import type { Runtime } from "../../host/runtime.ts";
import { parseAnswer } from "../http-answer.ts";
import type { CredentialProvider } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { toSecrets } from "../secret-object.ts";
import { toAwsError } from "./aws-errors.ts";
import { createAwsRequestHandler } from "./aws-request-handler.ts";

/**
 * A secret of AWS Secrets Manager: a JSON object of texts. The server's own AWS identity reads it: keys of the runtime's
 * environment, else what the AWS SDK finds by itself.
 */
export function createAwsSecretsManagerProvider(
  source: AwsSecretsManagerSource,
  runtime: Runtime,
): CredentialProvider {
  const { secretName, type } = source;
  const service = { sourceType: type, name: "AWS Secrets Manager" };
  // Retries are those of this package, so the SDK makes none of its own.
  return withRetries(async ({ signal } = {}) => {
    const region = chooseRegion(source, runtime);
    const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
    const requestHandler = createAwsRequestHandler(service, runtime, signal);
    const identity = findIdentity(runtime);
    const client = new SecretsManagerClient({ region, maxAttempts: 1, requestHandler, ...identity });
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

function chooseRegion({ region, type }: AwsSecretsManagerSource, { env }: Runtime): string {
  const found = region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"];
  if (found !== undefined && found !== "") return found;
  const message = "Environment variable AWS_REGION not set; set it, or write region beside secret_name";
  throw new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", type, message);
}

function findIdentity({ env }: Runtime) {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = env["AWS_SESSION_TOKEN"];
  if (!accessKeyId || !secretAccessKey) return {};
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } };
}

function notText({ secretName, type }: AwsSecretsManagerSource): CredentialError {
  const message = `The secret ${secretName} is binary; store a JSON object as text`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
