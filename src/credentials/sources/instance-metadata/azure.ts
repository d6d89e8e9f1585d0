import { CredentialError } from "../../../core/errors.ts";
import { type Members, readMember } from "../../../core/own-member.ts";
import { Secret } from "../../../core/secret.ts";
import { parseAnswer, toStatusError } from "../../http-answer.ts";
import type { Credentials } from "../../provider.ts";
import {
  askMetadata,
  type MetadataContext,
  type MetadataService,
  malformedAnswer,
  SOURCE_TYPE,
  toBase,
  toService,
  toText,
} from "./metadata-service.ts";
import { assumeRoleWithIdentity, isIdentityToken } from "./web-identity.ts";

const HEADERS = { Metadata: "true" };
const STORAGE = "https://storage.azure.com/";

/**
 * Azure, by its instance metadata service
 * (https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service). Only the name of the Azure
 * environment is a proof, because other programs also answer the token's path, with an error.
 */
export const azure: MetadataService = {
  provider: "azure",
  name: "The metadata service of Azure",
  prove: async (context) => {
    const url = `${findBase(context)}/metadata/instance/compute/azEnvironment?api-version=2021-02-01&format=text`;
    const response = await askMetadata({ url, headers: HEADERS }, azure, context);
    return response.status === 200 && /^Azure[A-Za-z]{0,60}$/u.test(toText(response));
  },
  fetch: (context) =>
    context.source.roleArn === undefined
      ? fetchAccessToken(context)
      : fetchRole(context.source.roleArn, context),
};

function findBase({ runtime: { env } }: MetadataContext): string {
  return toBase(env["AZURE_POD_IDENTITY_AUTHORITY_HOST"], "http://169.254.169.254");
}

async function fetchAccessToken(context: MetadataContext): Promise<Credentials> {
  const answer = await askForToken(STORAGE, context);
  const env = new Map([["AZURE_ACCESS_TOKEN", new Secret(readToken(answer))]]);
  return { env, expiration: readExpiration(answer, context) };
}

async function fetchRole(roleArn: string, context: MetadataContext): Promise<Credentials> {
  const { audience } = context.source;
  if (audience === undefined) {
    const message =
      "On Azure a role_arn needs an audience: the Application ID URI that the identity provider in AWS trusts";
    throw new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", SOURCE_TYPE, message);
  }
  const token = readToken(await askForToken(audience, context));
  if (!isIdentityToken(token)) throw malformedAnswer(azure, "an identity token");
  return assumeRoleWithIdentity({ roleArn, token: new Secret(token) }, context);
}

async function askForToken(resource: string, context: MetadataContext): Promise<Members> {
  const { clientId } = context.source;
  const query = new URLSearchParams({
    "api-version": "2018-02-01",
    resource,
    ...(clientId === undefined ? {} : { client_id: clientId }),
  });
  const url = `${findBase(context)}/metadata/identity/oauth2/token?${query}`;
  const response = await askMetadata({ url, headers: HEADERS }, azure, context);
  if (response.status === 200) return parseAnswer(response, toService(azure));
  if (response.status === 400) throw noIdentity();
  // While the service updates itself it answers 404 or 410, and is back within 70 s.
  if (response.status === 404 || response.status === 410) {
    throw new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", SOURCE_TYPE, `${azure.name} is updating itself`);
  }
  throw toStatusError(response, toService(azure), context.runtime.clock.now());
}

function noIdentity(): CredentialError {
  const message =
    "Azure returned no token; assign a managed identity to the machine, and select one of several by client_id";
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", SOURCE_TYPE, message);
}

function readToken(answer: Members): string {
  const token = readMember(answer, "access_token");
  if (typeof token !== "string" || token === "") throw malformedAnswer(azure, "access_token");
  return token;
}

// The numbers are texts, and some versions return a date in `expires_on`.
function readExpiration(answer: Members, { runtime }: MetadataContext): Date {
  const seconds = Number(readMember(answer, "expires_in"));
  if (Number.isFinite(seconds) && seconds > 0) return new Date(runtime.clock.now() + seconds * 1000);
  const on = String(readMember(answer, "expires_on"));
  const date = new Date(/^\d+$/u.test(on) ? Number(on) * 1000 : on);
  if (Number.isNaN(date.getTime())) throw malformedAnswer(azure, "an expiration");
  return date;
}
