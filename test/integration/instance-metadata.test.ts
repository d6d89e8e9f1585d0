import {
  type CredentialProvider,
  createCredentialResolver,
  createNodeRuntime,
  type HttpRequest,
  type InstanceMetadataSource,
} from "@eka-ci/caches";
import {
  createTestRuntime,
  describeCredentialProvider,
  type TestRuntimeOptions,
} from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { trackServers } from "../support/opened-servers.ts";
import { startServer } from "./servers/loopback-server.ts";
import { IDENTITY_TOKEN, startAzure, startEc2, startGoogle } from "./servers/metadata-servers.ts";

const framework = { describe, it };
const { http, clock } = createNodeRuntime();
const ROLE = "arn:aws:iam::123456789012:role/cache-pusher";

const servers = trackServers();
const { keep } = servers;

function provide(
  env: Record<string, string>,
  source: Partial<InstanceMetadataSource> = {},
  more: TestRuntimeOptions = {},
): CredentialProvider {
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env, http, clock, ...more }) });
  return (request) => resolver.resolve({ type: "instance-metadata", ...source }, request);
}

const ec2 = async (
  options: Parameters<typeof startEc2>[0] = {},
  source: Partial<InstanceMetadataSource> = {},
) =>
  provide(
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: (await keep(startEc2(options))).url },
    { provider: "aws", ...source },
  );
const google = async (
  options: Parameters<typeof startGoogle>[0] = {},
  source: Partial<InstanceMetadataSource> = {},
  env = {},
) => provide({ GCE_METADATA_HOST: (await keep(startGoogle(options))).host, ...env }, source);
const azure = async (
  options: Parameters<typeof startAzure>[0] = {},
  source: Partial<InstanceMetadataSource> = {},
  env = {},
) => provide({ AZURE_POD_IDENTITY_AUTHORITY_HOST: (await keep(startAzure(options))).url, ...env }, source);

const at = (pathname: string, answer: object) => ({
  override: (request: { url: URL }) => (request.url.pathname === pathname ? (answer as never) : undefined),
});
const ROLES = "/latest/meta-data/iam/security-credentials/";
const canaries = ["canary-imds-session", "canary-ec2-secret"];

describeCredentialProvider({
  name: "instance-metadata on EC2",
  framework,
  ready: async () => ({
    provider: await ec2(),
    values: {
      AWS_ACCESS_KEY_ID: "ASIACANARY0000000001",
      AWS_SECRET_ACCESS_KEY: "canary-ec2-secret",
      AWS_SESSION_TOKEN: "canary-ec2-session",
    },
  }),
  slow: async () =>
    provide(
      { AWS_EC2_METADATA_SERVICE_ENDPOINT: (await keep(startServer(() => undefined))).url },
      { provider: "aws" },
    ),
  failures: [
    {
      situation: "when nobody listens",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () =>
        provide({ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1" }, { provider: "aws" }),
    },
    {
      situation: "when it gives no token, whatever version 1 would say",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => ec2(at("/latest/api/token", { status: 403 })),
    },
    {
      situation: "when its token is a page",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => ec2(at("/latest/api/token", { status: 200, body: "<html>" })),
    },
    {
      situation: "when the instance has no role",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => ec2(at(ROLES, { status: 404 })),
      canaries,
    },
    {
      situation: "when the role cannot be assumed",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () =>
        ec2(
          at(`${ROLES}cache-pusher`, {
            status: 200,
            body: { Code: "AssumeRoleUnauthorizedAccess", Message: "canary-ec2-secret" },
          }),
        ),
      canaries,
    },
    {
      situation: "when the answer is HTML",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => ec2(at(`${ROLES}cache-pusher`, { status: 200, body: "<html>canary-ec2-secret" })),
      canaries,
    },
    {
      situation: "when the answer lacks a key",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        ec2(
          at(`${ROLES}cache-pusher`, {
            status: 200,
            body: { Code: "Success", SecretAccessKey: "canary-ec2-secret" },
          }),
        ),
      canaries,
    },
    {
      situation: "when the end is no date",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        ec2(
          at(`${ROLES}cache-pusher`, {
            status: 200,
            body: { AccessKeyId: "a", SecretAccessKey: "canary-ec2-secret", Token: "t", Expiration: "soon" },
          }),
        ),
      canaries,
    },
    {
      situation: "when they have expired",
      code: "ERR_CREDENTIAL_EXPIRED",
      arrange: () =>
        ec2(
          at(`${ROLES}cache-pusher`, {
            status: 200,
            body: {
              AccessKeyId: "a",
              SecretAccessKey: "canary-ec2-secret",
              Token: "t",
              Expiration: "2020-01-01T00:00:00Z",
            },
          }),
        ),
      canaries,
    },
    {
      situation: "when the service fails",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () => ec2({ override: () => ({ status: 500, body: "canary-ec2-secret" }) }),
      canaries,
    },
    {
      situation: "when a role_arn is configured",
      code: "ERR_CREDENTIAL_UNSUPPORTED",
      arrange: () => ec2({}, { roleArn: ROLE }),
    },
  ],
});

describeCredentialProvider({
  name: "instance-metadata on Google Cloud",
  framework,
  ready: async () => ({
    provider: await google(),
    values: { GOOGLE_OAUTH_ACCESS_TOKEN: "canary-google-token" },
  }),
  slow: async () => provide({ GCE_METADATA_HOST: (await keep(startServer(() => undefined))).host }),
  failures: [
    {
      situation: "when nobody listens",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () => provide({ GCE_METADATA_HOST: "127.0.0.1:1" }),
    },
    {
      situation: "when the machine has no service account",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => google({ override: () => ({ status: 404, headers: { "Metadata-Flavor": "Google" } }) }),
    },
    {
      situation: "when the account lacks scopes",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => google({ override: () => ({ status: 403, headers: { "Metadata-Flavor": "Google" } }) }),
    },
    {
      situation: "when the header of the answer is missing",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        google({
          override: () => ({ status: 200, body: { access_token: "canary-google-token", expires_in: 1 } }),
        }),
    },
    {
      situation: "when it answers with HTML",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        google({
          override: () => ({
            status: 200,
            headers: { "Metadata-Flavor": "Google" },
            body: "<html>canary-google-token",
          }),
        }),
    },
    {
      situation: "when the token has no end",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        google({
          override: () => ({
            status: 200,
            headers: { "Metadata-Flavor": "Google" },
            body: { access_token: "canary-google-token" },
          }),
        }),
    },
    {
      situation: "when a client_id is configured",
      code: "ERR_CREDENTIAL_UNSUPPORTED",
      arrange: () => google({}, { clientId: "x" }),
    },
  ],
});

describeCredentialProvider({
  name: "instance-metadata on Azure",
  framework,
  ready: async () => ({ provider: await azure(), values: { AZURE_ACCESS_TOKEN: "canary-azure-token" } }),
  slow: async () =>
    provide({ AZURE_POD_IDENTITY_AUTHORITY_HOST: (await keep(startServer(() => undefined))).url }),
  failures: [
    {
      situation: "when nobody listens",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () => provide({ AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://127.0.0.1:1" }),
    },
    {
      situation: "when one of several identities must be named",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => azure({ clientId: "one" }),
    },
    {
      situation: "when it updates itself",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () => azure({ override: () => ({ status: 410 }) }),
    },
    {
      situation: "when it limits the rate",
      code: "ERR_CREDENTIAL_RATE_LIMITED",
      arrange: () => azure({ override: () => ({ status: 429, headers: { "retry-after": "30" } }) }),
    },
    {
      situation: "when it answers with HTML",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => azure({ override: () => ({ status: 200, body: "<html>canary-azure-token" }) }),
    },
    {
      situation: "when the token has no end",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () =>
        azure({ override: () => ({ status: 200, body: { access_token: "canary-azure-token" } }) }),
    },
    {
      situation: "when a role_arn comes without an audience",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => azure({}, { roleArn: ROLE }),
    },
  ],
});

it("on Azure the numbers may be texts or dates, and one of several identities is named", async () => {
  const before = Date.now();
  const { expiration } = await (await azure({ clientId: "one" }, { clientId: "one" }))();
  expect(expiration && expiration.getTime() - before).toBeGreaterThan(3_590_000);
  const dated = await azure({
    override: () => ({ status: 200, body: { access_token: "t", expires_on: "2099-01-01T00:00:00Z" } }),
  });
  expect((await dated()).expiration).toEqual(new Date("2099-01-01T00:00:00Z"));
});

describe("an AWS role, by the identity of a machine outside AWS", () => {
  const XML = (body: string) => `<?xml version="1.0"?>${body}`;
  const granted = XML(
    `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIACANARYSTS0000001</AccessKeyId><SecretAccessKey>canary-sts-secret</SecretAccessKey><SessionToken>canary-sts-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`,
  );
  const refused = (code: string) =>
    XML(
      `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>canary-sts-secret</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
    );
  const startSts = (status = 200, body = granted) =>
    keep(startServer(() => ({ status, headers: { "content-type": "text/xml" }, body })));
  const values = {
    AWS_ACCESS_KEY_ID: "ASIACANARYSTS0000001",
    AWS_SECRET_ACCESS_KEY: "canary-sts-secret",
    AWS_SESSION_TOKEN: "canary-sts-session",
  };

  it.each(["Google Cloud", "Azure"] as const)("from %s", async (cloud) => {
    const sts = await startSts();
    const env = { AWS_ENDPOINT_URL_STS: sts.url };
    const source = { roleArn: ROLE, audience: "api://eka-ci", region: "eu-central-1" };
    const provider = cloud === "Azure" ? await azure({}, source, env) : await google({}, source, env);
    const { env: credentials, expiration } = await provider();
    expect(Object.fromEntries([...credentials].map(([name, value]) => [name, value.expose()]))).toEqual(
      values,
    );
    expect(expiration).toEqual(new Date("2099-01-01T00:00:00Z"));
    const [asked] = sts.requests;
    const form = new URLSearchParams(asked?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      Action: "AssumeRoleWithWebIdentity",
      RoleArn: ROLE,
      WebIdentityToken: IDENTITY_TOKEN,
      DurationSeconds: "3600",
    });
    expect(form.get("RoleSessionName")).toMatch(/^[\w+=,.@-]{2,64}$/u);
    expect(asked?.headers["authorization"]).toBeUndefined();
    expect(servers.all[1]?.requests.some(({ url }) => url.search.includes("api%3A%2F%2Feka-ci"))).toBe(true);
  });

  it("on Google Cloud is asked for with the role as the audience, unless another is given", async () => {
    const sts = await startSts();
    await (await google({}, { roleArn: ROLE }, { AWS_ENDPOINT_URL_STS: sts.url }))();
    expect(servers.all[1]?.requests.at(-1)?.url.searchParams.get("audience")).toBe(ROLE);
  });

  it.each([
    ["AccessDenied", 403, "ERR_CREDENTIAL_DENIED"],
    ["InvalidIdentityToken", 400, "ERR_CREDENTIAL_DENIED"],
    ["ExpiredTokenException", 400, "ERR_CREDENTIAL_EXPIRED"],
    ["IDPRejectedClaim", 403, "ERR_CREDENTIAL_DENIED"],
    ["Throttling", 400, "ERR_CREDENTIAL_RATE_LIMITED"],
    ["InternalFailure", 500, "ERR_CREDENTIAL_UNAVAILABLE"],
  ])(
    "that STS refuses with %s rejects with %s → %s, and shows neither token nor answer",
    async (name, status, code) => {
      const sts = await startSts(status, refused(name));
      const failure = (await google({}, { roleArn: ROLE }, { AWS_ENDPOINT_URL_STS: sts.url }))();
      await expect(failure).rejects.toMatchObject({ name: "CredentialError", code });
      const shown = await failure.catch(
        (error: unknown) => JSON.stringify(error) + String((error as Error).stack),
      );
      expect(shown).not.toContain("canary");
      expect(shown).not.toContain(IDENTITY_TOKEN);
    },
  );
});

describe("finding the cloud", () => {
  /** One address for all three services, as on a real machine; answers as only one of them. */
  async function machine(
    kind: "aws" | "gcp" | "azure" | "none" | "portal" | "docker" | "blackhole",
    files: TestRuntimeOptions["files"] = {},
  ) {
    const real =
      kind === "aws"
        ? await keep(startEc2())
        : kind === "gcp"
          ? await keep(startGoogle())
          : kind === "azure"
            ? await keep(startAzure())
            : undefined;
    const shared = await keep(
      startServer(async ({ method, url, headers }) => {
        if (kind === "blackhole") return undefined;
        if (kind === "portal")
          return { status: 200, headers: { "content-type": "text/html" }, body: "<html>sign in</html>" };
        if (kind === "docker")
          return { status: 403, body: "connecting to 169.254.169.254: unreachable network" };
        if (real === undefined) return { status: 404 };
        const passed = [
          "metadata",
          "metadata-flavor",
          "x-aws-ec2-metadata-token",
          "x-aws-ec2-metadata-token-ttl-seconds",
        ];
        const kept = passed.flatMap((name) =>
          headers[name] === undefined ? [] : [[name, String(headers[name])] as const],
        );
        const answer = await fetch(`${real.url}${url.pathname}${url.search}`, {
          method,
          headers: Object.fromEntries(kept),
        });
        const flavor = answer.headers.get("metadata-flavor");
        return {
          status: answer.status,
          headers: flavor === null ? {} : { "metadata-flavor": flavor },
          body: await answer.text(),
        };
      }),
    );
    const rerouted: TestRuntimeOptions["http"] = {
      send: (request) =>
        http.send({ ...request, url: request.url.replace("http://169.254.169.254", shared.url) }),
    };
    return { provider: provide({}, {}, { http: rerouted, files }), shared };
  }

  it.each([
    ["aws", "AWS_ACCESS_KEY_ID"],
    ["gcp", "GOOGLE_OAUTH_ACCESS_TOKEN"],
    ["azure", "AZURE_ACCESS_TOKEN"],
  ] as const)("on a machine of %s yields %s", async (kind, name) => {
    const { provider } = await machine(kind);
    expect([...(await provider()).env.keys()]).toContain(name);
  });

  it("takes no portal that says yes to everything for EC2, and finds the real cloud once it is there", async () => {
    let portal = true;
    const real = await keep(startGoogle());
    const shared = await keep(startServer(() => ({ status: 200, body: "OK" })));
    const send = (request: HttpRequest) =>
      http.send({
        ...request,
        url: request.url.replace("http://169.254.169.254", portal ? shared.url : real.url),
      });
    const provider = provide({}, {}, { http: { send } });
    await expect(provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
    portal = false;
    expect([...(await provider({ forceRefresh: true })).env.keys()]).toEqual(["GOOGLE_OAUTH_ACCESS_TOKEN"]);
  });

  it("tries again when EC2's list of roles is not ready", async () => {
    let failures = 1;
    const provider = await ec2({
      override: ({ url }) => (url.pathname === ROLES && failures-- > 0 ? { status: 503 } : undefined),
    });
    expect((await provider()).env.has("AWS_ACCESS_KEY_ID")).toBe(true);
  });

  it.each(["none", "portal", "docker"] as const)(
    "on a machine of none of them (%s) ends at once",
    async (kind) => {
      const { provider } = await machine(kind);
      const start = performance.now();
      await expect(provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
      expect(performance.now() - start).toBeLessThan(3_000);
    },
  );

  it("where nothing answers ends within a second, or five where the firmware names a cloud", async () => {
    const silent = await machine("blackhole");
    const start = performance.now();
    await expect(silent.provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
    expect(performance.now() - start).toBeLessThan(4_000);
    const hinted = await machine("blackhole", { "/sys/class/dmi/id/sys_vendor": "Amazon EC2\n" });
    const hintedStart = performance.now();
    await expect(hinted.provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_CONFIGURED" });
    expect(performance.now() - hintedStart).toBeGreaterThan(4_000);
  }, 20_000);

  it("asks no service that the environment has switched off, and finds the cloud once", async () => {
    const { provider, shared } = await machine("gcp");
    await provider({ forceRefresh: true });
    const probes = shared.requests.length;
    await provider({ forceRefresh: true });
    expect(shared.requests.length).toBe(probes + 1);
    const disabled = await machine("aws");
    const resolver = createCredentialResolver({
      runtime: createTestRuntime({
        env: { AWS_EC2_METADATA_DISABLED: "true", METADATA_SERVER_DETECTION: "none" },
        http: {
          send: (request) =>
            http.send({
              ...request,
              url: request.url.replace("http://169.254.169.254", disabled.shared.url),
            }),
        },
        clock,
      }),
    });
    await expect(resolver.resolve({ type: "instance-metadata" })).rejects.toMatchObject({
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
    });
    expect(disabled.shared.requests.map(({ url }) => url.pathname)).toEqual([
      "/metadata/instance/compute/azEnvironment",
    ]);
  });
});
