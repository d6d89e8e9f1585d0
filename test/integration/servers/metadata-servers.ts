import { type Answer, type LoopbackServer, type SeenRequest, startServer } from "./loopback-server.ts";

/** An identity token in shape; its signature is checked by nobody here. */
export const IDENTITY_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJla2EtY2kifQ.canary-signature-4f1d9c";

/** How a metadata server behaves. */
export interface MetadataOptions {
  readonly token?: string;
  /** Answers in place of everything else. */
  readonly override?: (request: SeenRequest) => Answer | undefined;
}

/** The metadata server of Google Cloud: its header is asked of requests, and sent with every answer. */
export function startGoogle({
  token = "canary-google-token",
  override,
}: MetadataOptions = {}): Promise<LoopbackServer> {
  const headers = { "Metadata-Flavor": "Google", Server: "Metadata Server for VM" };
  const account = "/computeMetadata/v1/instance/service-accounts/default";
  return startServer((request) => {
    const replaced = override?.(request);
    if (replaced !== undefined) return replaced;
    const { url } = request;
    if (request.headers["metadata-flavor"] !== "Google" || request.headers["x-forwarded-for"] !== undefined) {
      return { status: 403, headers, body: "Forbidden" };
    }
    if (url.pathname === "/computeMetadata/v1/instance/id") return { status: 200, headers, body: "4711" };
    if (url.pathname === `${account}/token`) {
      return { status: 200, headers, body: { access_token: token, expires_in: 3599, token_type: "Bearer" } };
    }
    if (url.pathname === `${account}/identity`) {
      const audience = url.searchParams.get("audience");
      if (audience === null) return { status: 400, headers, body: "non-empty audience parameter required" };
      return { status: 200, headers, body: IDENTITY_TOKEN };
    }
    return { status: 404, headers, body: "Not Found" };
  });
}

/** The instance metadata service of Azure: a header in lower case is enough, and its numbers are texts. */
export function startAzure(
  options: MetadataOptions & { readonly clientId?: string } = {},
): Promise<LoopbackServer> {
  const { token = "canary-azure-token", clientId, override } = options;
  return startServer((request) => {
    const replaced = override?.(request);
    if (replaced !== undefined) return replaced;
    const { url, headers } = request;
    if (headers["metadata"]?.toString().toLowerCase() !== "true") {
      return {
        status: 400,
        body: { error: "invalid_request", error_description: "Required metadata header not specified" },
      };
    }
    if (url.pathname === "/metadata/instance/compute/azEnvironment")
      return { status: 200, body: "AzurePublicCloud" };
    if (url.pathname !== "/metadata/identity/oauth2/token")
      return { status: 404, body: { error: "not_found" } };
    if (url.searchParams.get("api-version") !== "2018-02-01")
      return { status: 400, body: { error: "invalid_request" } };
    if (clientId !== undefined && url.searchParams.get("client_id") !== clientId) {
      return {
        status: 400,
        body: { error: "invalid_request", error_description: "Multiple user assigned identities exist" },
      };
    }
    const resource = url.searchParams.get("resource") ?? "";
    const isStorage = resource === "https://storage.azure.com/";
    return {
      status: 200,
      body: {
        access_token: isStorage ? token : IDENTITY_TOKEN,
        expires_in: "3599",
        expires_on: String(Math.floor(Date.now() / 1000) + 3599),
        not_before: "1506480273",
        resource,
        token_type: "Bearer",
      },
    };
  });
}

/** A metadata service of EC2 for faults; the real thing is played by amazon-ec2-metadata-mock. */
export function startEc2({ override }: MetadataOptions = {}): Promise<LoopbackServer> {
  const roles = "/latest/meta-data/iam/security-credentials/";
  return startServer((request) => {
    const replaced = override?.(request);
    if (replaced !== undefined) return replaced;
    const { url, method, headers } = request;
    if (url.pathname === "/latest/api/token") {
      return method === "PUT" ? { status: 200, body: "canary-imds-session==" } : { status: 405 };
    }
    if (headers["x-aws-ec2-metadata-token"] !== "canary-imds-session==") return { status: 401 };
    if (url.pathname === "/latest/meta-data/instance-id") return { status: 200, body: "i-0123456789abcdef0" };
    if (url.pathname === roles) return { status: 200, body: "cache-pusher" };
    if (url.pathname !== `${roles}cache-pusher`) return { status: 404 };
    return {
      status: 200,
      body: {
        Code: "Success",
        LastUpdated: "2026-01-01T00:00:00Z",
        Type: "AWS-HMAC",
        AccessKeyId: "ASIACANARY0000000001",
        SecretAccessKey: "canary-ec2-secret",
        Token: "canary-ec2-session",
        Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
      },
    };
  });
}
