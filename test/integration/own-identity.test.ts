import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CredentialProvider,
  createCredentialResolver,
  createNodeRuntime,
  type InstanceMetadataSource,
} from "@eka-ci/caches";
import { createTestRuntime, describeCredentialProvider } from "@eka-ci/caches/testing";
import { afterEach, describe, expect, it } from "vitest";
import { trackServers } from "../support/opened-servers.ts";
import { startServer } from "./servers/loopback-server.ts";
import { IDENTITY_TOKEN, startEc2 } from "./servers/metadata-servers.ts";

const framework = { describe, it };
const { http, clock } = createNodeRuntime();
const ROLE = "arn:aws:iam::123456789012:role/pod";
const TOKEN_PATH = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const { keep } = trackServers();

/** The node behind the pod: it always answers, and must never be asked. */
let nodes: Awaited<ReturnType<typeof startEc2>>[] = [];
afterEach(() => {
  for (const node of nodes) expect(node.requests).toEqual([]);
  nodes = [];
});

interface Pod {
  readonly env: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly source?: Partial<InstanceMetadataSource>;
}

async function inPod({ env, files = {}, source = {} }: Pod): Promise<CredentialProvider> {
  const node = await keep(startEc2());
  nodes.push(node);
  const resolver = createCredentialResolver({
    runtime: createTestRuntime({
      env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: node.url, ...env },
      files,
      http,
      clock,
    }),
  });
  return (request) => resolver.resolve({ type: "instance-metadata", ...source }, request);
}

const granted = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIACANARYPOD0000001</AccessKeyId><SecretAccessKey>canary-pod-secret</SecretAccessKey><SessionToken>canary-pod-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
const refused = (code: string): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>canary-of-sts</Message></Error></ErrorResponse>`;
const startSts = (status: number, body: string) =>
  keep(startServer(() => ({ status, headers: { "content-type": "text/xml" }, body })));

const podEnv = { AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: TOKEN_PATH, AWS_REGION: "eu-central-1" };
const tokenFile = { [TOKEN_PATH]: `${IDENTITY_TOKEN}\n` };

async function irsa(status: number, body: string, more: Partial<Pod> = {}): Promise<CredentialProvider> {
  const sts = await startSts(status, body);
  const env = { ...podEnv, AWS_ENDPOINT_URL_STS: sts.url, ...more.env };
  return inPod({ files: tokenFile, ...more, env });
}

describeCredentialProvider({
  name: "instance-metadata in a pod with a web identity",
  framework,
  ready: async () => ({
    provider: await irsa(200, granted),
    values: {
      AWS_ACCESS_KEY_ID: "ASIACANARYPOD0000001",
      AWS_SECRET_ACCESS_KEY: "canary-pod-secret",
      AWS_SESSION_TOKEN: "canary-pod-session",
    },
  }),
  slow: async () =>
    inPod({
      files: tokenFile,
      env: { ...podEnv, AWS_ENDPOINT_URL_STS: (await keep(startServer(() => undefined))).url },
    }),
  failures: [
    {
      situation: "when STS denies",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => irsa(403, refused("AccessDenied")),
      canaries: [IDENTITY_TOKEN, "canary-of-sts"],
    },
    {
      situation: "when STS denies, and the operator names AWS",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => irsa(403, refused("AccessDenied"), { source: { provider: "aws" } }),
      canaries: [IDENTITY_TOKEN, "canary-of-sts"],
    },
    {
      situation: "when the token has expired",
      code: "ERR_CREDENTIAL_EXPIRED",
      arrange: () => irsa(400, refused("ExpiredTokenException")),
      canaries: [IDENTITY_TOKEN, "canary-of-sts"],
    },
    {
      situation: "when STS is not there",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () =>
        inPod({ files: tokenFile, env: { ...podEnv, AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" } }),
      canaries: [IDENTITY_TOKEN],
    },
    {
      situation: "when the file of the token is missing",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => irsa(200, granted, { files: {} }),
    },
    {
      situation: "when the file holds no token",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => irsa(200, granted, { files: { [TOKEN_PATH]: "canary-in-the-file" } }),
      canaries: ["canary-in-the-file"],
    },
    {
      situation: "when the role is not named",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => irsa(200, granted, { env: { AWS_ROLE_ARN: "" } }),
    },
    {
      situation: "when the token is not named",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => irsa(200, granted, { env: { AWS_WEB_IDENTITY_TOKEN_FILE: "" } }),
    },
    {
      situation: "when a role_arn is configured, too",
      code: "ERR_CREDENTIAL_UNSUPPORTED",
      arrange: () => irsa(200, granted, { source: { roleArn: ROLE } }),
    },
  ],
});

it("in a pod, the token is read anew for each request, and the session is named as the environment says", async () => {
  const sts = await startSts(200, granted);
  const files = { ...tokenFile };
  const env = { ...podEnv, AWS_ENDPOINT_URL_STS: sts.url, AWS_ROLE_SESSION_NAME: "ci" };
  const provider = await inPod({ env, files });
  await provider();
  const next = `${IDENTITY_TOKEN}x`;
  files[TOKEN_PATH] = next;
  await provider({ forceRefresh: true });
  const forms = sts.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
  expect(forms).toMatchObject([
    { RoleArn: ROLE, WebIdentityToken: IDENTITY_TOKEN, RoleSessionName: "ci" },
    { RoleArn: ROLE, WebIdentityToken: next, RoleSessionName: "ci" },
  ]);
});

const AGENT_TOKEN = "canary-agent-token";
const AGENT_TOKEN_PATH = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";
const keys = {
  AccessKeyId: "ASIACANARYECS0000001",
  SecretAccessKey: "canary-container-secret",
  Token: "canary-container-session",
  Expiration: "2099-01-01T00:00:00Z",
};

async function container(answer: { status: number; body?: object | string }, more: Partial<Pod> = {}) {
  const agent = await keep(
    startServer(({ headers }) =>
      headers.authorization === AGENT_TOKEN ? answer : { status: 401, body: "who are you" },
    ),
  );
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: AGENT_TOKEN_PATH,
    ...more.env,
  };
  return inPod({ files: { [AGENT_TOKEN_PATH]: `${AGENT_TOKEN}\n` }, ...more, env });
}

describeCredentialProvider({
  name: "instance-metadata in a container with a role of its own",
  framework,
  ready: async () => ({
    provider: await container({ status: 200, body: keys }),
    values: {
      AWS_ACCESS_KEY_ID: keys.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey,
      AWS_SESSION_TOKEN: keys.Token,
    },
  }),
  slow: async () =>
    inPod({
      env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: (await keep(startServer(() => undefined))).url },
    }),
  failures: [
    {
      situation: "when the agent denies",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => container({ status: 403, body: { code: "AccessDenied", message: "canary-of-agent" } }),
      canaries: [AGENT_TOKEN, "canary-of-agent"],
    },
    {
      situation: "when nobody listens",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () =>
        container({ status: 200 }, { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/" } }),
      canaries: [AGENT_TOKEN],
    },
    {
      situation: "when the agent fails",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () => container({ status: 500, body: "canary-of-agent" }),
      canaries: [AGENT_TOKEN, "canary-of-agent"],
    },
    {
      situation: "when the agent asks for patience",
      code: "ERR_CREDENTIAL_RATE_LIMITED",
      arrange: () => container({ status: 429 }),
      canaries: [AGENT_TOKEN],
    },
    {
      situation: "when the answer lacks the end",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => container({ status: 200, body: { ...keys, Expiration: undefined } }),
      canaries: [AGENT_TOKEN, keys.SecretAccessKey],
    },
    {
      situation: "when they have expired",
      code: "ERR_CREDENTIAL_EXPIRED",
      arrange: () => container({ status: 200, body: { ...keys, Expiration: "2020-01-01T00:00:00Z" } }),
      canaries: [AGENT_TOKEN, keys.SecretAccessKey],
    },
    {
      situation: "when the file of the token is missing",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => container({ status: 200, body: keys }, { files: {} }),
    },
    {
      situation: "when the token would add a header",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        container({ status: 200, body: keys }, { files: { [AGENT_TOKEN_PATH]: "canary\r\nX-Other: 1" } }),
      canaries: ["canary"],
    },
  ],
});

it.each([
  "http://metadata.example.com/credentials",
  "http://169.254.169.254/credentials",
  "http://user:canary@127.0.0.1/",
  "ftp://127.0.0.1/",
  "canary",
])("a container's token is never sent to %s", async (url) => {
  const asked: string[] = [];
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: AGENT_TOKEN };
  const send = async (request: { url: string }) => {
    asked.push(request.url);
    return { status: 404, headers: {}, body: new Uint8Array() };
  };
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env, http: { send } }) });
  const failure = resolver.resolve({ type: "instance-metadata" });
  await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
  await expect(failure).rejects.not.toThrow(/canary/u);
  expect(asked).toEqual([]);
});

it.each([
  [{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1" }, "http://169.254.170.2/v2/credentials/1"],
  [
    {
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/full",
    },
    "http://169.254.170.2/v2/credentials/1",
  ],
  [
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials" },
    "http://169.254.170.23/v1/credentials",
  ],
  [
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://[fd00:ec2::23]/v1/credentials" },
    "http://[fd00:ec2::23]/v1/credentials",
  ],
])("a container is asked where %j says", async (env, url) => {
  const asked: string[] = [];
  const send = async (request: { url: string }) => {
    asked.push(request.url);
    return { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(keys)) };
  };
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env, http: { send } }) });
  await resolver.resolve({ type: "instance-metadata" });
  expect(asked).toEqual([url]);
});

it.each(["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])(
  "a container with %s and no address is not given the machine's role",
  async (name) => {
    const provider = await inPod({ env: { [name]: "/x" } });
    await expect(provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
  },
);

it.each([undefined, "azure"] as const)(
  "a pod with a workload identity of Azure is not given its machine's (%s)",
  async (provider) => {
    const resolve = await inPod({ env: { AZURE_FEDERATED_TOKEN_FILE: "/x" }, source: { provider } });
    await expect(resolve()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNSUPPORTED" });
  },
);

it("a relative address that names another host is refused", async () => {
  const env = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "@evil.example.com/x" };
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env }) });
  await expect(resolver.resolve({ type: "instance-metadata" })).rejects.toMatchObject({
    code: "ERR_CREDENTIAL_NOT_CONFIGURED",
  });
});

it("the machines of other clouds are asked as ever, where the operator names them", async () => {
  const google = await keep(
    startServer(() => ({
      status: 200,
      headers: { "metadata-flavor": "Google" },
      body: { access_token: "canary-google", expires_in: 3_600 },
    })),
  );
  const provider = await inPod({
    env: { ...podEnv, GCE_METADATA_HOST: google.host },
    source: { provider: "gcp" },
  });
  expect([...(await provider()).env.keys()]).toEqual(["GOOGLE_OAUTH_ACCESS_TOKEN"]);
});

it("a profile with credential_source = Ec2InstanceMetadata never asks version 1", async () => {
  const machine = await keep(
    startServer(({ method, url }) => {
      if (method === "PUT") return { status: 403 };
      const body = { ...keys, Code: "Success", SecretAccessKey: "canary-version-1" };
      return url.pathname.endsWith("/role") ? { status: 200, body } : { status: 200, body: "role" };
    }),
  );
  const config =
    "[profile m]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2InstanceMetadata\n";
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-imds-"));
  const path = join(directory, "config");
  await writeFile(path, config);
  const env = { AWS_CONFIG_FILE: path, AWS_SHARED_CREDENTIALS_FILE: "/nonexistent" };
  // The SDK's part for this reads the environment of the process alone.
  const before = process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
  process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = machine.url;
  try {
    const resolver = createCredentialResolver({ runtime: { env } });
    const failure = resolver.resolve({ type: "aws-profile", profile: "m" });
    await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
  } finally {
    if (before === undefined) delete process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
    else process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = before;
    await rm(directory, { recursive: true });
  }
  expect(new Set(machine.requests.map(({ method }) => method))).toEqual(new Set(["PUT"]));
}, 30_000);
