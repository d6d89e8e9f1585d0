import { CredentialError } from "../../../core/errors.ts";
import { readMember } from "../../../core/own-member.ts";
import type { HttpResponse } from "../../../host/http-client.ts";
import { parseAnswer, toStatusError } from "../../http-answer.ts";
import type { Credentials } from "../../provider.ts";
import {
  askMetadata,
  askMetadataOrFail,
  type MetadataContext,
  type MetadataService,
  malformedAnswer,
  SOURCE_TYPE,
  toBase,
  toService,
  toText,
} from "./metadata-service.ts";
import { readTemporaryKeys } from "./temporary-keys.ts";

const ROLES_PATH = "/latest/meta-data/iam/security-credentials/";
const TOKEN_SECONDS = "21600";

/**
 * Amazon EC2, by version 2 of its metadata service only: a session token first, and no answer without one
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
 */
export const ec2: MetadataService = {
  provider: "aws",
  name: "The metadata service of EC2",
  prove: async (context) => {
    const response = await requestToken(context);
    if (!isToken(response)) return false;
    const headers = { "x-aws-ec2-metadata-token": toText(response) };
    const id = await askMetadata(
      { url: `${findBase(context)}/latest/meta-data/instance-id`, headers },
      ec2,
      context,
    );
    return id.status === 200 && /^i-[0-9a-f]{8,17}$/u.test(toText(id));
  },
  fetch: async (context) => {
    const headers = { "x-aws-ec2-metadata-token": await readToken(context) };
    const base = findBase(context);
    const roles = await askMetadata({ url: `${base}${ROLES_PATH}`, headers }, ec2, context);
    if (roles.status === 404) throw noRole();
    if (roles.status !== 200) throw toStatusError(roles, toService(ec2), context.runtime.clock.now());
    const [role = ""] = toText(roles).split("\n");
    if (!/^[\w+=,.@-]{1,64}$/u.test(role)) throw malformedAnswer(ec2, "the name of a role");
    const url = `${base}${ROLES_PATH}${role}`;
    return toCredentials(await askMetadataOrFail({ url, headers }, ec2, context));
  },
};

function findBase({ runtime: { env } }: MetadataContext): string {
  const fallback =
    env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] === "IPv6"
      ? "http://[fd00:ec2::254]"
      : "http://169.254.169.254";
  return toBase(env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], fallback);
}

function requestToken(context: MetadataContext): Promise<HttpResponse> {
  const headers = { "x-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS };
  return askMetadata({ url: `${findBase(context)}/latest/api/token`, headers, method: "PUT" }, ec2, context);
}

function isToken(response: HttpResponse): boolean {
  return (
    response.status === 200 &&
    /^[\x21-\x7e]{1,512}$/u.test(toText(response)) &&
    !toText(response).startsWith("<")
  );
}

async function readToken(context: MetadataContext): Promise<string> {
  const response = await requestToken(context);
  if (isToken(response)) return toText(response);
  if (response.status === 200) throw malformedAnswer(ec2, "a session token");
  if (response.status !== 401 && response.status !== 403) {
    throw toStatusError(response, toService(ec2), context.runtime.clock.now());
  }
  const message = `${ec2.name} returned no session token (HTTP status ${response.status}); enable IMDSv2 for this instance`;
  throw new CredentialError("ERR_CREDENTIAL_DENIED", SOURCE_TYPE, message);
}

function noRole(): CredentialError {
  const message = "This EC2 instance has no IAM role; attach an instance profile";
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", SOURCE_TYPE, message);
}

function toCredentials(response: HttpResponse): Credentials {
  const answer = parseAnswer(response, toService(ec2));
  const code = readMember(answer, "Code");
  if (code !== undefined && code !== "Success") {
    const message = "EC2 cannot assume the instance's role; check the role's trust policy";
    throw new CredentialError("ERR_CREDENTIAL_DENIED", SOURCE_TYPE, message);
  }
  return readTemporaryKeys(answer, ec2);
}
