import { CredentialError } from "../../../core/errors.ts";
import { Secret } from "../../../core/secret.ts";
import type { Runtime } from "../../../host/runtime.ts";
import { readTokenFile } from "../../token-file.ts";
import { type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";
import { assumeRoleWithIdentity, isIdentityToken } from "./web-identity.ts";

const ROLE_ARN = "AWS_ROLE_ARN";
const TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE";
const SESSION_NAME = "AWS_ROLE_SESSION_NAME";

/**
 * The role of a Kubernetes service account (IRSA): the pod's token is exchanged for the keys of its role
 * (https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html).
 */
export const podWebIdentity: MetadataService = {
  provider: "aws",
  name: "The web identity of this pod",
  prove: async ({ runtime: { env } }) => Boolean(env[ROLE_ARN] || env[TOKEN_FILE]),
  fetch: async (context) => {
    const { env } = context.runtime;
    const roleArn = env[ROLE_ARN];
    const path = env[TOKEN_FILE];
    // One of them alone is half of an identity, and not a reason to use another.
    if (!roleArn || !path) throw halfAnIdentity(roleArn ? TOKEN_FILE : ROLE_ARN);
    const token = await readToken(path, context.runtime);
    return assumeRoleWithIdentity({ roleArn, token, sessionName: env[SESSION_NAME] || undefined }, context);
  },
};

/** Kubernetes replaces the token before it expires, so it is read each time. */
async function readToken(path: string, runtime: Runtime): Promise<Secret> {
  const what = `The file of ${TOKEN_FILE}`;
  const text = await readTokenFile(path, runtime, { sourceType: SOURCE_TYPE, what, isPrivate: false });
  if (isIdentityToken(text)) return new Secret(text);
  const message = `The file of ${TOKEN_FILE} holds no identity token`;
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", SOURCE_TYPE, message);
}

function halfAnIdentity(missing: string): CredentialError {
  const message = `${ROLE_ARN} and ${TOKEN_FILE} belong together, and ${missing} is not set; set both or neither`;
  return new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", SOURCE_TYPE, message);
}
