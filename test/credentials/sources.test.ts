import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CredentialProvider,
  type CredentialSource,
  createCredentialResolver,
  createNodeRuntime,
  type HttpClient,
  HttpError,
  type HttpRequest,
  type Runtime,
} from "@eka-ci/caches";
import {
  createTestRuntime,
  describeCredentialProvider,
  type TestRuntimeOptions,
  toVisibleText,
} from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const framework = { describe, it };
const ID = "AKIACANARY0000000001";
const KEY = "canary-wJalrXUtnFEMI/K7MDENG+4f1d9c";
const KEYS = { AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: KEY };
const LINES = `AWS_ACCESS_KEY_ID=${ID}\nAWS_SECRET_ACCESS_KEY=${KEY}\n`;
const canaries = [ID, KEY];

function provide(source: CredentialSource, runtime: Partial<Runtime>): CredentialProvider {
  const resolver = createCredentialResolver({ runtime });
  return (request) => resolver.resolve(source, request);
}

const within = (source: CredentialSource, options: TestRuntimeOptions = {}) =>
  provide(source, createTestRuntime(options));

/** A provider whose environment changes under it. */
function rotating(source: CredentialSource, before: Record<string, string>, after: Record<string, string>) {
  const env: Record<string, string> = { ...before };
  return { provider: within(source, { env }), rotate: () => void Object.assign(env, after) };
}

const env: CredentialSource = { type: "env", vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] };
describeCredentialProvider({
  name: "env",
  framework,
  ready: () => ({ provider: within(env, { env: { ...KEYS, OTHER: "x" } }), values: KEYS }),
  rotated: () => {
    const { provider, rotate } = rotating(env, KEYS, { AWS_SECRET_ACCESS_KEY: "rotated-1" });
    return {
      provider,
      values: KEYS,
      rotate: () => {
        rotate();
        return { ...KEYS, AWS_SECRET_ACCESS_KEY: "rotated-1" };
      },
    };
  },
  failures: [
    { situation: "when nothing is set", code: "ERR_CREDENTIAL_NOT_CONFIGURED", arrange: () => within(env) },
    {
      situation: "when one variable is not set",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => within(env, { env: { AWS_SECRET_ACCESS_KEY: KEY } }),
      canaries,
    },
    {
      situation: "when one variable is empty",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => within(env, { env: { ...KEYS, AWS_ACCESS_KEY_ID: "" } }),
      canaries,
    },
    {
      situation: "when a value ends in a line break",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => within(env, { env: { ...KEYS, AWS_SECRET_ACCESS_KEY: `${KEY}\n` } }),
      canaries,
    },
    {
      situation: "when the session is over",
      code: "ERR_CREDENTIAL_EXPIRED",
      arrange: () =>
        within(
          { type: "env", vars: ["AWS_SESSION_TOKEN"] },
          { env: { AWS_SESSION_TOKEN: KEY, AWS_CREDENTIAL_EXPIRATION: "2025-12-31T23:59:59Z" } },
        ),
      canaries,
    },
  ],
});

const cachixToken: CredentialSource = { type: "cachix-token", envVar: "MY_TOKEN" };
describeCredentialProvider({
  name: "cachix-token",
  framework,
  ready: () => ({
    provider: within(cachixToken, { env: { MY_TOKEN: KEY } }),
    values: { CACHIX_AUTH_TOKEN: KEY },
  }),
  failures: [
    {
      situation: "when the variable is not set",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => within(cachixToken),
    },
  ],
});

it("none answers with nothing", async () => {
  expect((await within({ type: "none" })()).env.size).toBe(0);
});

const file: CredentialSource = { type: "file", path: "/etc/eka-ci/keys", filePermissions: "strict" };
const fileWith = (entry: object, others: object = {}) =>
  within(file, { files: { "/etc/eka-ci/keys": { content: LINES, ...entry }, ...others } });
describeCredentialProvider({
  name: "file",
  framework,
  ready: () => ({ provider: fileWith({}), values: KEYS }),
  rotated: () => {
    const files = { "/etc/eka-ci/keys": LINES };
    return {
      provider: within(file, { files }),
      values: KEYS,
      rotate: () => {
        files["/etc/eka-ci/keys"] = "AWS_ACCESS_KEY_ID=other-id\n";
        return { AWS_ACCESS_KEY_ID: "other-id" };
      },
    };
  },
  failures: [
    { situation: "when it is not there", code: "ERR_CREDENTIAL_NOT_FOUND", arrange: () => within(file) },
    {
      situation: "when it may not be read",
      code: "ERR_CREDENTIAL_DENIED",
      arrange: () => fileWith({ error: "ERR_FILE_DENIED" }),
      canaries,
    },
    {
      situation: "when it is a directory",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ kind: "directory" }),
      canaries,
    },
    {
      situation: "when it is a FIFO or device",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ kind: "other" }),
      canaries,
    },
    {
      situation: "when everyone may read it",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ mode: 0o644 }),
      canaries,
    },
    {
      situation: "when its group may read it",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ mode: 0o640 }),
      canaries,
    },
    {
      situation: "when its group may write it",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ mode: 0o620, uid: 0 }),
      canaries,
    },
    {
      situation: "when it belongs to another user",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({ uid: 4711 }),
      canaries,
    },
    {
      situation: "when a directory above is open to all",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => fileWith({}, { "/etc/eka-ci": { kind: "directory", mode: 0o777, uid: 0 } }),
      canaries,
    },
    {
      situation: "when a link leads to a file that everyone may read",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () =>
        fileWith({ linkTo: "/run/secrets/keys" }, { "/run/secrets/keys": { content: LINES, mode: 0o644 } }),
      canaries,
    },
    {
      situation: "when a link in the middle of a chain lies in a directory that is open to all",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () =>
        fileWith(
          { linkTo: "/open/hop" },
          {
            "/open/hop": { linkTo: "/safe/keys" },
            "/open": { kind: "directory", mode: 0o777 },
            "/safe/keys": LINES,
          },
        ),
      canaries,
    },
    {
      situation: "when a link leads in a circle",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => within(file, { files: { "/etc/eka-ci/keys": { linkTo: "/etc/eka-ci/keys" } } }),
    },
    {
      situation: "when a link leads through a directory that is open to all",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () =>
        fileWith(
          { linkTo: "/run/secrets/keys" },
          { "/run/secrets/keys": LINES, "/run/secrets": { kind: "directory", mode: 0o777 } },
        ),
      canaries,
    },
    {
      situation: "when it is JSON",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => fileWith({ content: JSON.stringify(KEYS) }),
      canaries,
    },
    {
      situation: "when a line has no =",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => fileWith({ content: KEY }),
      canaries,
    },
    {
      situation: "when it is larger than 64 KiB",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => fileWith({ content: `A=${KEY}${"x".repeat(65_536)}` }),
      canaries,
    },
  ],
});

describeCredentialProvider({
  name: "file, root's and readable by the group",
  framework,
  ready: () => ({ provider: fileWith({ mode: 0o640, uid: 0 }), values: KEYS }),
  failures: [],
});

describeCredentialProvider({
  name: "file, behind a link and under a sticky directory",
  framework,
  ready: () => ({
    provider: fileWith(
      { linkTo: "/tmp/secrets/keys" },
      { "/tmp/secrets/keys": LINES, "/tmp": { kind: "directory", mode: 0o1777, uid: 0 } },
    ),
    values: KEYS,
  }),
  failures: [],
});

describeCredentialProvider({
  name: "file, with file_permissions off",
  framework,
  ready: () => ({
    provider: within(
      { ...file, filePermissions: "off" },
      { files: { "/etc/eka-ci/keys": { content: LINES, mode: 0o666, uid: 4711 } } },
    ),
    values: KEYS,
  }),
  failures: [],
});

const systemd: CredentialSource = { type: "systemd-credential", name: "s3-keys" };
const systemdWith = (
  entry: object | undefined,
  directory: string | undefined = "/run/credentials/eka-ci.service",
) =>
  within(systemd, {
    env: directory === undefined ? {} : { CREDENTIALS_DIRECTORY: directory },
    files:
      entry === undefined
        ? {}
        : { "/run/credentials/eka-ci.service/s3-keys": { content: LINES, mode: 0o400, ...entry } },
  });
describeCredentialProvider({
  name: "systemd-credential",
  framework,
  ready: () => ({ provider: systemdWith({ mode: 0o440, uid: 0 }), values: KEYS }),
  failures: [
    {
      situation: "when the unit has no credentials",
      code: "ERR_CREDENTIAL_NOT_CONFIGURED",
      arrange: () => within(systemd),
    },
    {
      situation: "when the unit lacks this one",
      code: "ERR_CREDENTIAL_NOT_FOUND",
      arrange: () => systemdWith(undefined),
    },
    {
      situation: "when the directory is relative",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => systemdWith({}, "run/credentials"),
    },
    {
      situation: "when the directory is not normalized",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => systemdWith({}, "/run/x/../credentials"),
    },
    {
      situation: "when others may read it",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => systemdWith({ mode: 0o444 }),
      canaries,
    },
    {
      situation: "when a link stands in its place",
      code: "ERR_CREDENTIAL_INSECURE_FILE",
      arrange: () => systemdWith({ linkTo: "/etc/keys" }),
      canaries,
    },
    {
      situation: "when it is one bare value",
      code: "ERR_CREDENTIAL_MALFORMED",
      arrange: () => systemdWith({ content: KEY }),
      canaries,
    },
  ],
});

describe("the AWS files", () => {
  let home = "";
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "eka-ci-aws-"));
    await mkdir(join(home, ".aws"));
    const credentials = `[production]\naws_access_key_id = ${ID}\naws_secret_access_key = ${KEY}\nregion = us-west-2\n\n[half]\naws_access_key_id = ${ID}\n`;
    await writeFile(join(home, ".aws", "credentials"), credentials, { mode: 0o600 });
    await writeFile(
      join(home, ".aws", "config"),
      "[profile production]\nregion = eu-west-1\n[profile empty]\nregion = x\n",
    );
    await writeFile(
      join(home, "session"),
      `[s]\naws_access_key_id=${ID}\naws_secret_access_key=${KEY}\naws_session_token=canary-session\n`,
    );
    await mkdir(join(home, "directory"));
    await chmod(join(home, "session"), 0o600);
  });
  afterAll(() => rm(home, { recursive: true }));

  const profile = (
    name: string,
    environment: () => Record<string, string> = () => ({}),
    directory = () => home,
  ) => {
    const resolver = createCredentialResolver({
      runtime: { env: environment(), user: { uid: process.getuid?.(), homeDirectory: directory() } },
    });
    const provider: CredentialProvider = (request) =>
      resolver.resolve({ type: "aws-profile", profile: name }, request);
    return provider;
  };

  describeCredentialProvider({
    name: "aws-profile",
    framework,
    ready: () => ({ provider: profile("production"), values: { ...KEYS, AWS_REGION: "us-west-2" } }),
    rotated: async () => {
      const path = join(home, "rotating");
      const write = (key: string) =>
        writeFile(path, `[r]\naws_access_key_id = ${ID}\naws_secret_access_key = ${key}\n`, { mode: 0o600 });
      await write(KEY);
      return {
        provider: profile("r", () => ({ AWS_SHARED_CREDENTIALS_FILE: path })),
        values: KEYS,
        rotate: async () => {
          await write("rotated-canary");
          return { ...KEYS, AWS_SECRET_ACCESS_KEY: "rotated-canary" };
        },
      };
    },
    failures: [
      {
        situation: "when there are no files",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () => profile("production", undefined, () => "/nonexistent"),
      },
      {
        situation: "when there is no such profile",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () => profile("nope"),
        canaries,
      },
      {
        situation: "when the profile has half a key",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => profile("half"),
        canaries,
      },
      {
        situation: "when the profile has no keys",
        code: "ERR_CREDENTIAL_MALFORMED",
        arrange: () => profile("empty"),
        canaries,
      },
      {
        situation: "when a directory stands in place of the file",
        code: "ERR_CREDENTIAL_INSECURE_FILE",
        arrange: () =>
          profile("production", () => ({ AWS_SHARED_CREDENTIALS_FILE: join(home, "directory") })),
      },
    ],
  });

  const PROCESS = `${process.execPath} -e`;
  const config = (lines: string) => async () => {
    const path = join(home, `config-${lines.length}-${Math.abs(hash(lines))}`);
    await writeFile(path, lines, { mode: 0o600 });
    return path;
  };
  const hash = (text: string): number =>
    [...text].reduce((sum, unit) => (sum * 31 + unit.charCodeAt(0)) | 0, 7);
  const withConfig = async (name: string, lines: string, env: Record<string, string> = {}) => {
    const path = await config(lines)();
    return profile(name, () => ({
      AWS_CONFIG_FILE: path,
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      ...env,
    }));
  };
  const answer = JSON.stringify({
    Version: 1,
    AccessKeyId: ID,
    SecretAccessKey: KEY,
    SessionToken: "canary-process",
    Expiration: "2099-01-01T00:00:00Z",
  });

  it("a credential_process that hangs is the only one, until the profile is mended", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-process-"));
    const [starts = "", go = "", script = "", config = ""] = ["starts", "go", "process.sh", "config"].map(
      (name) => join(directory, name),
    );
    // It ends with the test in any case.
    const wait = `while [ -d ${directory} ] && [ ! -e ${go} ]; do sleep 0.05; done`;
    await writeFile(script, `echo start >> ${starts}\n${wait}\necho '${answer}'\n`);
    await writeFile(config, `[profile p]\ncredential_process = sh ${script}\n`);
    const env = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: "/nonexistent" };
    const { files } = createNodeRuntime();
    const { clock } = createNodeRuntime();
    const provider = provide(
      { type: "aws-profile", profile: "p" },
      { ...createTestRuntime({ env, clock }), files },
    );
    const begin = () => provider({ signal: AbortSignal.timeout(400), forceRefresh: true });
    for (let round = 0; round < 3; round++)
      await expect(begin()).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await readFile(starts, "utf8")).toBe("start\n");
    await writeFile(config, `[profile p]\naws_access_key_id = ${ID}\naws_secret_access_key = ${KEY}\n`);
    expect((await provider({ forceRefresh: true })).env.get("AWS_SECRET_ACCESS_KEY")?.expose()).toBe(KEY);
    await writeFile(config, `[profile p]\ncredential_process = sh ${script}\n`);
    await writeFile(go, "");
    expect((await provider({ forceRefresh: true })).env.has("AWS_SESSION_TOKEN")).toBe(true);
    await rm(directory, { recursive: true });
  });

  describeCredentialProvider({
    name: "aws-profile, by a credential_process",
    framework,
    ready: async () => ({
      provider: await withConfig("p", `[profile p]\ncredential_process = echo '${answer}'\n`),
      values: { ...KEYS, AWS_SESSION_TOKEN: "canary-process" },
    }),
    failures: [
      {
        situation: "when the process fails and prints secrets",
        code: "ERR_CREDENTIAL_UNAVAILABLE",
        arrange: () =>
          withConfig(
            "p",
            `[profile p]\ncredential_process = ${PROCESS} "console.error('${KEY}'); process.exit(1)"\n`,
          ),
        canaries,
      },
      {
        situation: "when the process prints something else",
        code: "ERR_CREDENTIAL_UNAVAILABLE",
        arrange: () => withConfig("p", `[profile p]\ncredential_process = echo '${KEY}'\n`),
        canaries,
      },
      {
        situation: "when nobody is logged in by SSO",
        code: "ERR_CREDENTIAL_EXPIRED",
        arrange: () =>
          withConfig(
            "s",
            "[profile s]\nsso_start_url = https://x.example\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n",
          ),
      },
      {
        situation: "when a source_profile is missing",
        code: "ERR_CREDENTIAL_NOT_FOUND",
        arrange: () =>
          withConfig(
            "r",
            "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nope\n",
          ),
      },
      {
        situation: "when STS is not there",
        code: "ERR_CREDENTIAL_UNREACHABLE",
        arrange: () =>
          withConfig(
            "r",
            `[profile r]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\n[profile base]\naws_access_key_id = ${ID}\naws_secret_access_key = ${KEY}\n`,
            { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" },
          ),
        canaries,
      },
    ],
  });

  describe("a role by a web identity", () => {
    const granted = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIACANARYWEB0000001</AccessKeyId><SecretAccessKey>canary-web-secret</SecretAccessKey><SessionToken>canary-web-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;

    async function webIdentity(send: HttpClient["send"], env: Record<string, string> = {}, token?: string) {
      const path = token ?? join(home, "web-identity-token");
      if (token === undefined) await writeFile(path, "canary.web.token\n");
      const lines = `[profile 'w']\nregion = eu-west-3\nrole_arn = arn:aws:iam::123456789012:role/w\nweb_identity_token_file = ${path}\n`;
      const config = join(home, "web-config");
      await writeFile(config, lines, { mode: 0o600 });
      const resolver = createCredentialResolver({
        runtime: {
          env: { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: "/nonexistent", ...env },
          http: { send },
          user: { uid: process.getuid?.(), homeDirectory: home },
        },
      });
      return resolver.resolve({ type: "aws-profile", profile: "w" });
    }

    const answerWith = (status: number, body: string, asked: HttpRequest[] = []): HttpClient["send"] => {
      return async (request) => {
        asked.push(request);
        const headers = { "content-type": "text/xml" };
        return { status, headers, body: new TextEncoder().encode(body) };
      };
    };

    it("is asked for at the STS of the profile's region, through the port", async () => {
      const asked: HttpRequest[] = [];
      const { env } = await webIdentity(answerWith(200, granted, asked));
      expect(env.get("AWS_SECRET_ACCESS_KEY")?.expose()).toBe("canary-web-secret");
      expect(env.get("AWS_REGION")?.expose()).toBe("eu-west-3");
      expect(asked.map(({ url }) => new URL(url).hostname)).toEqual(["sts.eu-west-3.amazonaws.com"]);
    });

    it.each([
      ["Throttling", 400, "ERR_CREDENTIAL_RATE_LIMITED", 3],
      ["ServiceUnavailable", 503, "ERR_CREDENTIAL_UNAVAILABLE", 3],
      ["AccessDenied", 403, "ERR_CREDENTIAL_DENIED", 1],
    ])("that STS refuses with %s (%i) is %s after %i requests", async (name, status, code, requests) => {
      const asked: HttpRequest[] = [];
      const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>${name}</Code><Message>canary</Message></Error></ErrorResponse>`;
      const failure = webIdentity(answerWith(status, body, asked));
      await expect(failure).rejects.toMatchObject({ code });
      await expect(failure.catch(toVisibleText)).resolves.not.toContain("canary");
      expect(asked).toHaveLength(requests);
    });

    it("is unreachable where STS is dead, unavailable where it redirects, and not found without the token", async () => {
      const dead = async () => {
        throw new HttpError("ERR_HTTP_UNREACHABLE", "nobody listens");
      };
      await expect(webIdentity(dead)).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
      const redirecting = webIdentity(answerWith(302, ""));
      await expect(redirecting).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
      const missing = webIdentity(answerWith(200, granted), {}, "/nonexistent/token");
      await expect(missing).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_FOUND" });
    });
  });

  it("a failing source_profile is named", async () => {
    const lines = [
      "[profile outer]",
      "role_arn = arn:aws:iam::123456789012:role/x",
      "source_profile = inner",
      "[profile inner]",
      "credential_process = /bin/false",
    ];
    const failure = (await withConfig("outer", lines.join("\n")))();
    await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    await expect(failure).rejects.toThrow(/inner/u);
  });

  it("keys of a nested table are none of the profile's", async () => {
    const lines = [
      "[profile nested]",
      "region = eu-west-1",
      "s3 =",
      "  region = us-east-9",
      `aws_access_key_id = ${ID}`,
      `  aws_secret_access_key = ${KEY}`,
    ];
    const { env } = await (await withConfig("nested", lines.join("\n")))();
    expect(env.get("AWS_REGION")?.expose()).toBe("eu-west-1");
  });

  describeCredentialProvider({
    name: "aws-profile, with a session token",
    framework,
    ready: () => ({
      provider: profile("s", () => ({ AWS_SHARED_CREDENTIALS_FILE: join(home, "session") })),
      values: { ...KEYS, AWS_SESSION_TOKEN: "canary-session" },
    }),
    failures: [],
  });

  it("aws-profile asks SSO in its own region, and sends it nothing of STS's", async () => {
    const cache = join(home, ".aws", "sso", "cache");
    await mkdir(cache, { recursive: true });
    const start = "https://x.awsapps.com/start";
    const token = {
      startUrl: start,
      region: "eu-central-1",
      accessToken: "canary-sso-token",
      expiresAt: "2099-01-01T00:00:00Z",
    };
    await writeFile(
      join(cache, `${createHash("sha1").update(start).digest("hex")}.json`),
      JSON.stringify(token),
      { mode: 0o600 },
    );
    const lines = `[profile s]\nregion = us-west-2\nsso_start_url = ${start}\nsso_region = eu-central-1\nsso_account_id = 1\nsso_role_name = r\n`;
    const path = join(home, "sso-config");
    await writeFile(path, lines, { mode: 0o600 });
    const asked: HttpRequest[] = [];
    const http: HttpClient = {
      send: async (request) => {
        asked.push(request);
        return { status: 503, headers: {}, body: new Uint8Array() };
      },
    };
    const env = {
      AWS_CONFIG_FILE: path,
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_ENDPOINT_URL_STS: "http://sts.internal",
    };
    const resolver = createCredentialResolver({
      runtime: { env, http, user: { uid: process.getuid?.(), homeDirectory: home } },
    });
    // The SDK's part for SSO looks for its files by the environment of the process alone.
    const before = { HOME: process.env["HOME"], AWS_CONFIG_FILE: process.env["AWS_CONFIG_FILE"] };
    Object.assign(process.env, { HOME: home, AWS_CONFIG_FILE: path });
    try {
      const failure = resolver.resolve({ type: "aws-profile", profile: "s" });
      await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
      await expect(failure.catch(toVisibleText)).resolves.not.toContain("canary");
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(asked.length).toBe(3);
    for (const { url } of asked) expect(new URL(url).hostname).toBe("portal.sso.eu-central-1.amazonaws.com");
  });
});
