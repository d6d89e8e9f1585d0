import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import {
  type AwsSecretsManagerSource,
  type CredentialProvider,
  createCredentialResolver,
  createNodeRuntime,
} from "@eka-ci/caches";
import { createTestRuntime, describeCredentialProvider } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trackServers } from "../support/opened-servers.ts";
import { describeWith } from "../support/requirement.ts";
import { type ExternalServer, startExternal } from "./servers/external-server.ts";
import { type LoopbackServer, startServer } from "./servers/loopback-server.ts";
import { startEc2 } from "./servers/metadata-servers.ts";

const { http, clock } = createNodeRuntime();
const VALUES = { AWS_ACCESS_KEY_ID: "AKIACANARYSM00000001", AWS_SECRET_ACCESS_KEY: "canary-secrets-manager" };
const IDENTITY = {
  AWS_ACCESS_KEY_ID: "AKIASERVER0000000001",
  AWS_SECRET_ACCESS_KEY: "canary-of-the-server",
  AWS_SESSION_TOKEN: "canary-session-of-the-server",
};
const canaries = [IDENTITY.AWS_SECRET_ACCESS_KEY, IDENTITY.AWS_SESSION_TOKEN];

function provide(
  url: string,
  source: Partial<AwsSecretsManagerSource> = {},
  env: Record<string, string> = {},
): CredentialProvider {
  const resolver = createCredentialResolver({
    runtime: createTestRuntime({
      env: { ...IDENTITY, AWS_REGION: "eu-west-1", AWS_ENDPOINT_URL_SECRETS_MANAGER: url, ...env },
      http,
      clock,
    }),
  });
  const full: AwsSecretsManagerSource = { type: "aws-secrets-manager", secretName: "ci/s3", ...source };
  return (request) => resolver.resolve(full, request);
}

describeWith("moto_server", "aws-secrets-manager, at moto", () => {
  let moto: ExternalServer;
  let client: SecretsManagerClient;
  let url = "";

  beforeAll(async () => {
    moto = await startExternal("moto_server", (port) => ["-H", "127.0.0.1", "-p", String(port)]);
    url = moto.url;
    client = new SecretsManagerClient({
      endpoint: url,
      region: "eu-west-1",
      credentials: { accessKeyId: "x", secretAccessKey: "y" },
    });
    const create = (Name: string, value: object) => client.send(new CreateSecretCommand({ Name, ...value }));
    await create("ci/s3", { SecretString: JSON.stringify(VALUES) });
    await create("ci/rotating", { SecretString: JSON.stringify(VALUES) });
    await create("ci/binary", { SecretBinary: new TextEncoder().encode("canary-secrets-manager") });
    await create("ci/bare", { SecretString: "canary-secrets-manager" });
    await create("ci/nested", {
      SecretString: JSON.stringify({ A_TOKEN: { value: "canary-secrets-manager" } }),
    });
    await create("ci/number", { SecretString: '{"A_TOKEN": 7}' });
    await create("ci/deleted", { SecretString: JSON.stringify(VALUES) });
    await client.send(new DeleteSecretCommand({ SecretId: "ci/deleted", RecoveryWindowInDays: 7 }));
  }, 60_000);
  afterAll(() => moto[Symbol.asyncDispose]());

  describeCredentialProvider({
    name: "aws-secrets-manager",
    framework: { describe, it },
    ready: () => ({ provider: provide(url), values: VALUES }),
    rotated: () => ({
      provider: provide(url, { secretName: "ci/rotating" }),
      values: VALUES,
      rotate: async () => {
        const rotated = { ...VALUES, AWS_SECRET_ACCESS_KEY: "canary-rotated-value" };
        await client.send(
          new PutSecretValueCommand({ SecretId: "ci/rotating", SecretString: JSON.stringify(rotated) }),
        );
        return rotated;
      },
    }),
    failures: [
      {
        situation: "when there is no such secret",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () => provide(url, { secretName: "ci/none" }),
        canaries,
      },
      {
        situation: "when it is in another region",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () => provide(url, { region: "us-east-2" }),
        canaries,
      },
      {
        situation: "when it is marked for deletion",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () => provide(url, { secretName: "ci/deleted" }),
        canaries,
      },
      {
        situation: "when it is binary",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => provide(url, { secretName: "ci/binary" }),
        canaries,
      },
      {
        situation: "when it is a bare text",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => provide(url, { secretName: "ci/bare" }),
        canaries,
      },
      {
        situation: "when a value is nested",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => provide(url, { secretName: "ci/nested" }),
        canaries,
      },
      {
        situation: "when a value is a number",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => provide(url, { secretName: "ci/number" }),
        canaries,
      },
      {
        situation: "when no region is known",
        code: "ERR_CREDENTIAL_NOT_CONFIGURED",
        arrange: () => provide(url, {}, { AWS_REGION: "" }),
        canaries,
      },
    ],
  });

  it("takes the region from the source, then AWS_REGION, then AWS_DEFAULT_REGION", async () => {
    await expect(provide(url, { region: "eu-west-1" }, { AWS_REGION: "us-east-2" })()).resolves.toBeDefined();
    await expect(
      provide(url, {}, { AWS_REGION: "", AWS_DEFAULT_REGION: "eu-west-1" })(),
    ).resolves.toBeDefined();
  });

  it("yields the keys of a role by STS, too, for an AWS profile with role_arn and source_profile", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-role-"));
    const config = join(directory, "config");
    const lines = [
      "[profile deploy]",
      "role_arn = arn:aws:iam::123456789012:role/push",
      "source_profile = base",
      "region = eu-west-1",
    ];
    await writeFile(
      config,
      [
        ...lines,
        "[profile base]",
        "aws_access_key_id = AKIABASE",
        "aws_secret_access_key = canary-base",
      ].join("\n"),
    );
    const env = {
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: join(directory, "none"),
      AWS_ENDPOINT_URL_STS: url,
    };
    const resolver = createCredentialResolver({ runtime: { env } });
    const { env: keys, expiration } = await resolver.resolve({ type: "aws-profile", profile: "deploy" });
    await rm(directory, { recursive: true });
    expect([...keys.keys()]).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_REGION",
    ]);
    expect(keys.get("AWS_ACCESS_KEY_ID")?.expose()).toMatch(/^ASIA/u);
    expect(expiration?.getTime()).toBeGreaterThan(Date.now());
  });

  it("yields the keys of a role by STS, too, for instance-metadata", async () => {
    const google = await startServer(({ url: { pathname } }) => ({
      status: 200,
      headers: { "metadata-flavor": "Google" },
      body: pathname.endsWith("/identity") ? "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.canary-signature" : "1",
    }));
    const env = { GCE_METADATA_HOST: google.host, AWS_ENDPOINT_URL_STS: url };
    const resolver = createCredentialResolver({ runtime: createTestRuntime({ env, http, clock }) });
    const { env: keys, expiration } = await resolver.resolve({
      type: "instance-metadata",
      roleArn: "arn:aws:iam::123456789012:role/push",
    });
    await google[Symbol.asyncDispose]();
    expect([...keys.keys()]).toEqual(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
    expect(expiration?.getTime()).toBeGreaterThan(Date.now());
  });
});

describe("what Secrets Manager refuses", () => {
  const start = (name: string, status = 400): Promise<LoopbackServer> =>
    startServer(() => ({
      status,
      headers: { "content-type": "application/x-amz-json-1.1" },
      body: { __type: name, message: "canary-secrets-manager" },
    }));

  it.each([
    ["AccessDeniedException", 400, "ERR_CREDENTIAL_DENIED", 1],
    ["DecryptionFailure", 400, "ERR_CREDENTIAL_DENIED", 1],
    ["InvalidSignatureException", 400, "ERR_CREDENTIAL_DENIED", 1],
    ["UnrecognizedClientException", 400, "ERR_CREDENTIAL_DENIED", 1],
    ["ExpiredTokenException", 400, "ERR_CREDENTIAL_EXPIRED", 1],
    ["ThrottlingException", 400, "ERR_CREDENTIAL_RATE_LIMITED", 3],
    ["InternalServiceError", 500, "ERR_CREDENTIAL_UNAVAILABLE", 3],
    ["SomethingNew", 400, "ERR_CREDENTIAL_MALFORMED", 1],
  ])(
    "with %s rejects with %s → %s after %i requests, and shows nothing",
    async (name, status, code, requests) => {
      const server = await start(name, status);
      const failure = provide(server.url)();
      await expect(failure).rejects.toMatchObject({ name: "CredentialError", code });
      const shown = await failure.catch(
        (error: unknown) => JSON.stringify(error) + String((error as Error).stack),
      );
      expect(shown).not.toContain("canary");
      expect(server.requests).toHaveLength(requests);
      await server[Symbol.asyncDispose]();
    },
  );
});

describe("the identity that asks Secrets Manager", () => {
  const { keep } = trackServers();
  const ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ci/s3-AbCdEf";

  async function ask(env: Record<string, string>, source: Partial<AwsSecretsManagerSource> = {}) {
    const answer = { SecretString: JSON.stringify(VALUES) };
    const secrets = await keep(startServer(() => ({ status: 200, body: answer })));
    const noKeys = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_SESSION_TOKEN: "" };
    const asked = provide(secrets.url, source, { ...noKeys, ...env })();
    await asked.catch(() => undefined);
    return { asked, authorizations: secrets.requests.map(({ headers }) => String(headers.authorization)) };
  }

  it("is the role of the machine, by version 2 of its metadata service", async () => {
    const ec2 = await keep(startEc2());
    const { asked, authorizations } = await ask({ AWS_EC2_METADATA_SERVICE_ENDPOINT: ec2.url });
    await expect(asked).resolves.toBeDefined();
    expect(authorizations).toEqual([expect.stringContaining("ASIACANARY0000000001/")]);
  });

  it("is never asked of version 1, whatever that would answer", async () => {
    const ec2 = await keep(
      startServer(({ method, url }) => {
        if (method === "PUT") return { status: 403 };
        const keys = { Code: "Success", AccessKeyId: "a", SecretAccessKey: "canary-version-1", Token: "t" };
        return url.pathname.endsWith("/role") ? { status: 200, body: keys } : { status: 200, body: "role" };
      }),
    );
    const { asked, authorizations } = await ask({ AWS_EC2_METADATA_SERVICE_ENDPOINT: ec2.url });
    await expect(asked).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
    expect(authorizations).toEqual([]);
    expect(ec2.requests.map(({ method }) => method)).toEqual(["PUT"]);
  });

  it("is that of the pod before that of its machine, and told as denied where the container's agent denies", async () => {
    const ec2 = await keep(startEc2());
    const agent = await keep(startServer(() => ({ status: 403, body: "canary-of-agent" })));
    const { asked, authorizations } = await ask({
      AWS_EC2_METADATA_SERVICE_ENDPOINT: ec2.url,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: agent.url,
    });
    await expect(asked).rejects.toMatchObject({
      code: "ERR_CREDENTIAL_DENIED",
      sourceType: "aws-secrets-manager",
    });
    await expect(asked).rejects.not.toThrow(/canary/u);
    expect([authorizations, ec2.requests]).toEqual([[], []]);
  });

  it("is that of AWS_PROFILE, which must be there then", async () => {
    const ec2 = await keep(startEc2());
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-identity-"));
    const credentials = join(directory, "credentials");
    await writeFile(credentials, "[ci]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = canary\n");
    const env = {
      AWS_EC2_METADATA_SERVICE_ENDPOINT: ec2.url,
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_CONFIG_FILE: "/nonexistent",
    };
    const resolver = (profile: string) =>
      createCredentialResolver({
        runtime: {
          env: {
            ...env,
            AWS_PROFILE: profile,
            AWS_REGION: "eu-west-1",
            AWS_ENDPOINT_URL: "http://127.0.0.1:1",
          },
        },
      }).resolve({ type: "aws-secrets-manager", secretName: "ci/s3" });
    await expect(resolver("ci")).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
    await expect(resolver("other")).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_FOUND" });
    expect(ec2.requests).toEqual([]);
    await rm(directory, { recursive: true });
  });

  it("is missing on a machine without any", async () => {
    const { asked } = await ask({ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1" });
    await expect(asked).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
  });

  it("signs for the region of an ARN, whatever the environment says", async () => {
    const { authorizations } = await ask({ ...IDENTITY, AWS_REGION: "us-east-1" }, { secretName: ARN });
    expect(authorizations).toEqual([expect.stringContaining("/eu-west-1/secretsmanager/")]);
  });
});
