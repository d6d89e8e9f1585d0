import {
  type CredentialProvider,
  createCredentialResolver,
  createNodeRuntime,
  type VaultSource,
} from "@eka-ci/caches";
import {
  createFakeClock,
  createTestRuntime,
  describeCredentialProvider,
  toVisibleText,
} from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { trackServers } from "../support/opened-servers.ts";
import { type Answer, startServer } from "./servers/loopback-server.ts";
import { startVault, type VaultOptions } from "./servers/vault-server.ts";

const TOKEN = "hvs.canary-vault-token";
const VALUES = { AWS_ACCESS_KEY_ID: "AKIACANARYVAULT00001", AWS_SECRET_ACCESS_KEY: "canary-vault-secret" };

const servers = trackServers();
const { keep } = servers;

const { http, clock } = createNodeRuntime();

function provide(
  url: string,
  more: Partial<VaultSource> = {},
  env: Record<string, string> = { VAULT_TOKEN: TOKEN },
): CredentialProvider {
  const source: VaultSource = {
    type: "vault",
    address: url,
    secretPath: "secret/data/eka-ci/s3",
    tokenEnv: "VAULT_TOKEN",
    ...more,
  };
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env, http, clock }) });
  return (request) => resolver.resolve(source, request);
}

const engine = (secret: Record<string, unknown> | null = VALUES): VaultOptions => ({
  token: TOKEN,
  mounts: { "secret/": { version: 2, secrets: { "eka-ci/s3": secret } } },
});

async function vault(
  options: Partial<VaultOptions> = {},
  more: Partial<VaultSource> = {},
): Promise<CredentialProvider> {
  return provide((await keep(startVault({ ...engine(), ...options }))).url, more);
}

const canaries = [TOKEN];

describeCredentialProvider({
  name: "vault",
  framework: { describe, it },
  ready: async () => ({ provider: await vault(), values: VALUES }),
  rotated: async () => {
    const options = engine();
    const server = await keep(startVault(options));
    const rotated = { ...VALUES, AWS_SECRET_ACCESS_KEY: "canary-rotated" };
    return {
      provider: provide(server.url),
      values: VALUES,
      rotate: () => {
        const mount = options.mounts["secret/"];
        if (mount !== undefined) mount.secrets["eka-ci/s3"] = rotated;
        return rotated;
      },
    };
  },
  slow: async () => provide((await keep(startServer(() => undefined))).url),
  failures: [
    {
      situation: "when the token's variable is not set",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => provide("http://127.0.0.1:1", {}, {}),
    },
    {
      situation: "when the token ends in a line break",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => provide("http://127.0.0.1:1", {}, { VAULT_TOKEN: `${TOKEN}\n` }),
      canaries,
    },
    {
      situation: "when nobody listens",
      code: "ERR_CREDENTIAL_UNREACHABLE",
      arrange: () => provide("http://127.0.0.1:1"),
      canaries,
    },
    {
      situation: "when the token is wrong",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => vault({ token: "another" }),
      canaries,
    },
    {
      situation: "when the policy does not allow the path",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => vault({ policy: ["secret/data/other/"] }),
      canaries,
    },
    {
      situation: "when the namespace is missing",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => vault({ namespace: "prod" }),
      canaries,
    },
    {
      situation: "when there is no such secret",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => vault({}, { secretPath: "secret/data/nope" }),
      canaries,
    },
    {
      situation: "when there is no such mount",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => vault({}, { secretPath: "nope/data/x" }),
      canaries,
    },
    {
      situation: "when the secret was deleted",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => vault(engine(null)),
      canaries,
    },
    {
      situation: "when it is sealed",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () => vault({ override: () => ({ status: 503, body: { errors: ["Vault is sealed"] } }) }),
      canaries,
    },
    {
      situation: "when it fails",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () =>
        vault({ override: () => ({ status: 500, body: { errors: ["internal error", TOKEN] } }) }),
      canaries,
    },
    {
      situation: "when it limits the rate",
      code: "ERR_CREDENTIAL_RATE_LIMITED",
      arrange: () =>
        vault({
          override: () => ({
            status: 429,
            headers: { "retry-after": "60" },
            body: { errors: ["rate limit quota exceeded"] },
          }),
        }),
      canaries,
    },
    {
      situation: "when it redirects",
      code: "ERR_CREDENTIAL_UNAVAILABLE",
      arrange: () =>
        vault({ override: () => ({ status: 307, headers: { location: "http://127.0.0.1:1/" } }) }),
      canaries,
    },
    {
      situation: "when it answers with HTML",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => vault({ override: () => ({ status: 200, body: "<html>canary-vault-secret</html>" }) }),
      canaries,
    },
    {
      situation: "when a value is a number",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => vault(engine({ A_TOKEN: 7 })),
      canaries,
    },
    {
      situation: "when a value is nested",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => vault(engine({ A_TOKEN: { value: "canary-vault-secret" } })),
      canaries,
    },
    {
      situation: "when the secret is empty",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => vault(engine({})),
      canaries,
    },
    {
      situation: "when a name would change the child",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => vault(engine({ LD_PRELOAD: "canary-vault-secret" })),
      canaries,
    },
  ],
});

describe("paths", () => {
  const v1: Partial<VaultOptions> = {
    mounts: { "kv/": { version: 1, secrets: { "eka-ci/s3": VALUES, "data/x": VALUES } } },
  };
  const nested: Partial<VaultOptions> = {
    mounts: { "team/a/secret/": { version: 2, secrets: { x: VALUES } } },
  };

  it.each<[name: string, options: Partial<VaultOptions>, secretPath: string]>([
    ["of version 2 as the guide writes them", {}, "secret/data/eka-ci/s3"],
    ["of version 2 as vault kv put takes them", {}, "secret/eka-ci/s3"],
    [
      "of version 2 with a policy for the data alone",
      { policy: ["secret/data/eka-ci/"] },
      "secret/eka-ci/s3",
    ],
    ["with slashes around them", {}, "/secret/eka-ci/s3/"],
    ["of version 1", v1, "kv/eka-ci/s3"],
    ["of version 1 that look like version 2", v1, "kv/data/x"],
    ["of a mount with several segments", nested, "team/a/secret/x"],
    ["of a mount with several segments, with data", nested, "team/a/secret/data/x"],
    ["of version 2 where mounts are not told", { knowsMounts: false }, "secret/data/eka-ci/s3"],
    ["of version 2, short, where mounts are not told", { knowsMounts: false }, "secret/eka-ci/s3"],
    ["of version 1 where mounts are not told", { ...v1, knowsMounts: false }, "kv/eka-ci/s3"],
  ])("%s lead to the secret", async (_name, options, secretPath) => {
    const provider = await vault(options, { secretPath });
    const { env } = await provider();
    expect(Object.fromEntries([...env].map(([name, value]) => [name, value.expose()]))).toEqual(VALUES);
  });

  it("are found below a namespace that the mount's path repeats", async () => {
    const options: VaultOptions = {
      token: TOKEN,
      namespace: "ns1",
      mounts: { "team/kv/": { version: 2, secrets: { a: VALUES } } },
    };
    const told = { data: { path: "ns1/team/kv/", type: "kv", options: { version: "2" } } };
    const override: VaultOptions["override"] = ({ url }) =>
      url.pathname.includes("/ui/mounts/") ? { status: 200, body: told } : undefined;
    const provider = provide((await keep(startVault({ ...options, override }))).url, {
      namespace: "ns1",
      secretPath: "team/kv/a",
    });
    expect((await provider()).env.size).toBe(2);
  });

  it("of what was deleted and of what never was are told apart", async () => {
    const deleted = vault(engine(null)).then((provider) => provider());
    await expect(deleted).rejects.toThrow("was deleted");
    const missing = vault({}, { secretPath: "secret/data/nope" }).then((provider) => provider());
    await expect(missing).rejects.toThrow("no secret at");
  });
});

describe("requests", () => {
  it("carry token, namespace and X-Vault-Request, and nothing of the environment besides", async () => {
    const server = await keep(startVault({ ...engine(), namespace: "prod" }));
    const hostile = {
      VAULT_ADDR: "http://127.0.0.1:1",
      VAULT_NAMESPACE: "evil",
      VAULT_PREFIX: "/evil",
      VAULT_SKIP_VERIFY: "1",
      HTTP_PROXY: "http://127.0.0.1:1",
    };
    const before = { ...process.env };
    Object.assign(process.env, hostile);
    try {
      await provide(server.url, { namespace: "prod" }, { VAULT_TOKEN: TOKEN, ...hostile })();
    } finally {
      for (const name of Object.keys(hostile)) delete process.env[name];
      Object.assign(process.env, before);
    }
    for (const { headers, url } of server.requests) {
      expect(headers).toMatchObject({
        "x-vault-token": TOKEN,
        "x-vault-namespace": "prod",
        "x-vault-request": "true",
      });
      expect(url.pathname).toMatch(/^\/v1\/(?:sys\/internal\/ui\/mounts\/)?secret\//u);
    }
    expect(server.requests).toHaveLength(2);
  });

  it("with no namespace carry none, though the environment names one", async () => {
    const server = await keep(startVault(engine()));
    process.env["VAULT_NAMESPACE"] = "evil";
    try {
      await provide(server.url)();
    } finally {
      delete process.env["VAULT_NAMESPACE"];
    }
    expect(server.requests.filter(({ headers }) => headers["x-vault-namespace"] !== undefined)).toEqual([]);
  });

  it("never reach the host that a redirect names", async () => {
    const other = await keep(startServer(() => ({ status: 200, body: { data: VALUES } })));
    const provider = await vault({
      override: () => ({ status: 307, headers: { location: `${other.url}/v1/secret/data/x` } }),
    });
    await expect(provider()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    expect(other.requests).toEqual([]);
  });

  it("are repeated where that is of use, and not where it is not", async () => {
    const count = async (status: number): Promise<number> => {
      const server = await keep(
        startVault({ ...engine(), override: () => ({ status, body: { errors: [] } }) }),
      );
      await provide(server.url)().catch(() => undefined);
      return server.requests.length;
    };
    expect(await count(503)).toBe(3);
    expect(await count(403)).toBe(2);
    let failures = 2;
    const provider = await vault({
      override: () => (failures-- > 0 ? { status: 502, body: "bad gateway" } : undefined),
    });
    await expect(provider()).resolves.toBeDefined();
  });

  it("of a dynamic secret end with its lease", async () => {
    const provider = await vault({ lease: { id: "aws/creds/x/1", seconds: 3600 } });
    const { expiration } = await provider();
    expect(expiration && expiration.getTime() - Date.now()).toBeGreaterThan(3_590_000);
    const unleased = await vault({ lease: { id: "", seconds: 2_764_800 } });
    expect((await unleased()).expiration).toBeUndefined();
  });

  it("fail with a code where VAULT_CACERT cannot be read", async () => {
    const provider = provide("http://127.0.0.1:1", {}, { VAULT_TOKEN: TOKEN, VAULT_CACERT: "/nonexistent" });
    const failure = provider();
    await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_FOUND" });
    await expect(failure.catch(toVisibleText)).resolves.not.toContain(TOKEN);
  });
});

describe("a login", () => {
  const AUTH = { method: "approle", roleId: "role", secretIdEnv: "SECRET_ID", mount: "approle" } as const;
  const ENV = { SECRET_ID: "canary-secret-id" };
  const LOGIN_TOKEN = "hvs.canary-login-token";

  /** A server whose logins and renewals answer as they are told, and a clock that is set by hand. */
  const setUp = async (
    answers: { login: (number: number) => Answer; renewal?: () => Answer },
    options: Partial<VaultOptions> = {},
  ) => {
    const fake = createFakeClock();
    let logins = 0;
    const server = await keep(
      startVault({
        ...engine(),
        ...options,
        token: LOGIN_TOKEN,
        override: ({ method, url }) => {
          if (method !== "POST") return undefined;
          if (url.pathname === "/v1/auth/approle/login") return answers.login(++logins);
          return answers.renewal?.() ?? { status: 404, body: { errors: [] } };
        },
      }),
    );
    const source: VaultSource = {
      ...{
        type: "vault",
        address: server.url,
        secretPath: "secret/eka-ci/s3",
        tokenEnv: "UNUSED",
        auth: AUTH,
      },
    };
    const runtime = createTestRuntime({ env: ENV, http, clock: { ...fake, schedule: clock.schedule } });
    const resolver = createCredentialResolver({ runtime });
    const read = () => resolver.resolve(source, { forceRefresh: true });
    return { read, fake, server, logins: () => logins };
  };
  const granted = (auth: object = {}): Answer => ({
    status: 200,
    body: { auth: { client_token: LOGIN_TOKEN, lease_duration: 3600, renewable: true, ...auth } },
  });
  const away: Answer = { status: 503, body: { errors: ["Vault is sealed"] } };

  it("is not needed while the token is good, though Vault cannot renew it", async () => {
    const { read, fake, logins } = await setUp({
      login: (number) => (number === 1 ? granted() : away),
      renewal: () => away,
    });
    await read();
    fake.advance(40 * 60_000);
    expect((await read()).env.size).toBe(2);
    fake.advance(15 * 60_000);
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    expect(logins()).toBeGreaterThan(2);
  });

  const denial: Answer = { status: 400, body: { errors: ["invalid role or secret ID"] } };

  it("that is refused does no harm while the token is good, and is not repeated at once", async () => {
    const { read, fake, logins } = await setUp({ login: (number) => (number === 1 ? granted() : denial) });
    await read();
    fake.advance(40 * 60_000);
    for (let round = 0; round < 10; round++) expect((await read()).env.size).toBe(2);
    expect(logins()).toBe(2);
    fake.advance(16 * 60_000);
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    expect(logins()).toBe(3);
  });

  it.each<[name: string, renewal: Answer]>([
    ["a page", { status: 200, headers: { "content-type": "text/html" }, body: "<html>" }],
    ["nothing", { status: 200, body: {} }],
    ["no token", { status: 200, body: { auth: null } }],
  ])("is made where a renewal answers %s", async (_name, renewal) => {
    const { read, fake, logins } = await setUp({ login: () => granted(), renewal: () => renewal });
    await read();
    fake.advance(40 * 60_000);
    expect((await read()).env.size).toBe(2);
    expect(logins()).toBe(2);
  });

  it("is made where a renewal makes the token shorter, and its end is the new one", async () => {
    const { read, fake, logins } = await setUp({
      login: (number) => (number === 1 ? granted() : away),
      renewal: () => granted({ lease_duration: 120 }),
    });
    await read();
    fake.advance(31 * 60_000);
    expect((await read()).env.size).toBe(2);
    fake.advance(2 * 60_000);
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    expect(logins()).toBeGreaterThan(2);
  });

  it("is not repeated for each request where the policy of its token says no", async () => {
    const { read, fake, logins } = await setUp({ login: () => granted() }, { policy: [] });
    for (let round = 0; round < 24; round++) {
      await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
      fake.advance(5_000);
    }
    // At 0, 5, 15, 35 and 75 s.
    expect(logins()).toBe(5);
  });

  it("that gives a token without an end is the only one", async () => {
    const { read, fake, logins } = await setUp({ login: () => granted({ lease_duration: 0 }) });
    await read();
    fake.advance(400 * 86_400_000);
    await read();
    expect(logins()).toBe(1);
  });

  it.each([
    ["nothing", { status: 200, body: {} }],
    ["no token", granted({ client_token: undefined })],
    ["a token that cannot stand in a header", granted({ client_token: "canary\nx" })],
    ["a token that is no text", granted({ client_token: { canary: 1 } })],
  ])("that answers with %s is malformed", async (_name, answer) => {
    const { read } = await setUp({ login: () => answer });
    const error: unknown = await read().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: "ERR_CREDENTIAL_MALFORMED" });
    expect(toVisibleText(error)).not.toContain("canary");
  });

  it("sends its proof to no other server, also where Vault redirects", async () => {
    const elsewhere = await keep(startServer(() => granted()));
    const { read, server } = await setUp({
      login: () => ({
        status: 307,
        headers: { location: `${elsewhere.url}/v1/auth/approle/login` },
        body: {},
      }),
    });
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    expect(elsewhere.requests).toEqual([]);
    expect(server.requests.every(({ url }) => !url.href.includes("canary"))).toBe(true);
  });
});
