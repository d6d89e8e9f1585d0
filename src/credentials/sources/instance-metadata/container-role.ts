import { CredentialError } from "../../../core/errors.ts";
import { parseAnswer } from "../../http-answer.ts";
import { readTokenFile } from "../../token-file.ts";
import {
  askMetadataOrFail,
  type MetadataContext,
  type MetadataService,
  SOURCE_TYPE,
  toService,
} from "./metadata-service.ts";
import { readTemporaryKeys } from "./temporary-keys.ts";

const RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

const TOKEN_FILE_OPTIONS = { sourceType: SOURCE_TYPE, what: `The file of ${TOKEN_FILE}`, isPrivate: false };

/** Where the agents of ECS and EKS answer. Anything else must be loopback, or encrypted. */
const ECS_ORIGIN = "http://169.254.170.2";
const AGENT_HOSTS: ReadonlySet<string> = new Set(["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]);

/**
 * The role of a container: ECS, and EKS Pod Identity
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
 */
export const containerRole: MetadataService = {
  provider: "aws",
  name: "The container's credential service",
  // A token without an address is half of an identity, and not a reason to use another.
  prove: async ({ runtime: { env } }) =>
    [RELATIVE_URI, FULL_URI, TOKEN, TOKEN_FILE].some((name) => Boolean(env[name])),
  fetch: async (context) => {
    const url = findUrl(context);
    const token = await readToken(context);
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: token };
    const response = await askMetadataOrFail({ url, headers }, containerRole, context);
    return readTemporaryKeys(parseAnswer(response, toService(containerRole)), containerRole);
  },
};

/** The relative address counts, if both are there. */
function findUrl({ runtime: { env } }: MetadataContext): string {
  const relative = env[RELATIVE_URI];
  const text = relative ? `${ECS_ORIGIN}${relative}` : (env[FULL_URI] ?? "");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The token must not leave the machine unencrypted, and a relative address must not name another host.
  const isRelative = relative !== undefined && relative !== "";
  if (url === undefined || (isRelative && url.origin !== ECS_ORIGIN) || !isTrusted(url)) {
    const name = isRelative ? RELATIVE_URI : FULL_URI;
    const form = isRelative
      ? "a path"
      : "https, or http on loopback or the address of the agent of ECS or EKS";
    throw new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", SOURCE_TYPE, `${name} is not ${form}`);
  }
  return url.href;
}

function isTrusted({ protocol, hostname, username, password }: URL): boolean {
  if (username !== "" || password !== "") return false;
  if (protocol === "https:") return true;
  const isLoopback =
    /^127\.\d+\.\d+\.\d+$/u.test(hostname) || hostname === "[::1]" || hostname === "localhost";
  return protocol === "http:" && (isLoopback || AGENT_HOSTS.has(hostname));
}

/** The file counts, if both are there. It is read each time, because the agent of EKS replaces it. */
async function readToken({ runtime }: MetadataContext): Promise<string | undefined> {
  const path = runtime.env[TOKEN_FILE];
  const token = path
    ? await readTokenFile(path, runtime, TOKEN_FILE_OPTIONS)
    : runtime.env[TOKEN] || undefined;
  if (token === undefined || /^[\x20-\x7e]+$/u.test(token)) return token;
  const message = `${path ? `The file of ${TOKEN_FILE}` : TOKEN} holds no token: it is empty, or has a line break in it`;
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", SOURCE_TYPE, message);
}
