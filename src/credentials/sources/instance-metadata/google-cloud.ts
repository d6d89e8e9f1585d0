import { readMember } from "../../../core/own-member.ts";
import { Secret } from "../../../core/secret.ts";
import { parseAnswer } from "../../http-answer.ts";
import type { Credentials } from "../../provider.ts";
import {
  askMetadata,
  askMetadataOrFail,
  type MetadataContext,
  type MetadataService,
  malformedAnswer,
  toBase,
  toService,
  toText,
} from "./metadata-service.ts";
import { assumeRoleWithIdentity, isIdentityToken } from "./web-identity.ts";

const HEADERS = { "Metadata-Flavor": "Google" };
const ACCOUNT_PATH = "/computeMetadata/v1/instance/service-accounts/default";

/**
 * Google Cloud, by its metadata server (https://cloud.google.com/compute/docs/metadata/overview). Every
 * answer must have the header `Metadata-Flavor: Google`, which nothing else sends.
 */
export const googleCloud: MetadataService = {
  provider: "gcp",
  name: "The metadata server of Google Cloud",
  prove: async (context) => {
    const url = `${findBase(context)}/computeMetadata/v1/instance/id`;
    return isGoogle(await askMetadata({ url, headers: HEADERS }, googleCloud, context));
  },
  fetch: (context) =>
    context.source.roleArn === undefined
      ? fetchAccessToken(context)
      : fetchRole(context.source.roleArn, context),
};

function findBase({ runtime: { env } }: MetadataContext): string {
  return toBase(env["GCE_METADATA_HOST"] || env["GCE_METADATA_IP"], "http://169.254.169.254");
}

function isGoogle({ headers }: { readonly headers: Readonly<Record<string, string>> }): boolean {
  return headers["metadata-flavor"] === "Google";
}

async function ask(path: string, context: MetadataContext) {
  const url = `${findBase(context)}${ACCOUNT_PATH}${path}`;
  const response = await askMetadataOrFail({ url, headers: HEADERS }, googleCloud, context);
  if (!isGoogle(response)) throw malformedAnswer(googleCloud, "the header Metadata-Flavor");
  return response;
}

async function fetchAccessToken(context: MetadataContext): Promise<Credentials> {
  const answer = parseAnswer(await ask("/token", context), toService(googleCloud));
  const token = readMember(answer, "access_token");
  const seconds = readMember(answer, "expires_in");
  if (typeof token !== "string" || token === "") throw malformedAnswer(googleCloud, "access_token");
  if (typeof seconds !== "number" || !(seconds > 0)) throw malformedAnswer(googleCloud, "expires_in");
  const expiration = new Date(context.runtime.clock.now() + seconds * 1000);
  return { env: new Map([["GOOGLE_OAUTH_ACCESS_TOKEN", new Secret(token)]]), expiration };
}

async function fetchRole(roleArn: string, context: MetadataContext): Promise<Credentials> {
  const audience = encodeURIComponent(context.source.audience ?? roleArn);
  const token = toText(await ask(`/identity?audience=${audience}&format=full`, context));
  if (!isIdentityToken(token)) throw malformedAnswer(googleCloud, "an identity token");
  return assumeRoleWithIdentity({ roleArn, token: new Secret(token) }, context);
}
