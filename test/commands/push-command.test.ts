import {
  buildPushCommand,
  type CacheDestination,
  type CommandSpec,
  formatCommand,
  type PushCommandInput,
  parseServerConfig,
  Secret,
} from "@eka-ci/caches";
import { toVisibleText } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";

const A = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";
const B = "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-hello-2.12-dev";
const CANARY = "canary-4f1d9c";

function destination(cacheType: string, text: string): CacheDestination {
  const [cache] = parseServerConfig(`
    [[caches]]
    id = "x"
    cache_type = "${cacheType}"
    destination = "${text}"
    credentials = "none"`).caches;
  if (cache === undefined) throw new Error("no cache");
  return cache.destination;
}

const S3 = destination("nix-copy", "s3://bucket/prefix?region=us-east-1");
const HTTP = destination("nix-copy", "https://cache.example.com:8443/x?compression=zstd");
const CACHIX = destination("cachix", "my-cache");
const ATTIC = destination("attic", "https://attic.example.com/deep/my-cache");

const build = (
  to: CacheDestination,
  env: Record<string, string>,
  more: Partial<PushCommandInput> = {},
): CommandSpec =>
  buildPushCommand({
    destination: to,
    storePaths: [A, B],
    credentials: { env: new Map(Object.entries(env).map(([name, value]) => [name, new Secret(value)])) },
    ...more,
  });

const AWS = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: CANARY };

/** What the child would see, with secrets exposed, but without the private home that every tool gets. */
function environment(command: CommandSpec): Record<string, string> {
  const own = [...command.env].filter(([, value]) => typeof value === "string" || value instanceof Secret);
  return Object.fromEntries(
    own.map(([name, value]) => [name, value instanceof Secret ? value.expose() : String(value)]),
  );
}

const contents = (command: CommandSpec) =>
  command.files.map(({ path, content }) => [path.path, content.expose()]);

const NIX_COPY = (to: string) => [
  "--extra-experimental-features",
  "nix-command",
  "copy",
  "--to",
  to,
  "--no-check-sigs",
  "--option",
  "substitute",
  "false",
  "--option",
  "builders",
  "",
  "--max-jobs",
  "0",
  "--option",
  "download-attempts",
  "1",
  "--netrc-file",
  { kind: "work-file", path: "netrc" },
  "--",
  A,
  B,
];

describe("nix copy", () => {
  it("has the arguments that work from Nix 2.4 on", () => {
    const command = build(S3, AWS);
    expect(command.file).toBe("nix");
    expect(command.args).toEqual(NIX_COPY("s3://bucket/prefix?region=us-east-1"));
    // Empty, so that nix does not use the netrc file of the host.
    expect(contents(command)).toEqual([["netrc", ""]]);
  });

  it("keeps the tool inside its work directory", () => {
    const directory = (path: string) => ({ kind: "work-directory", path });
    const place = (path: string) => ({ kind: "work-path", path });
    expect(Object.fromEntries(build(HTTP, {}).env)).toEqual({
      HOME: directory(""),
      XDG_CACHE_HOME: place("cache"),
      XDG_CONFIG_HOME: place("config"),
      XDG_DATA_HOME: place("data"),
      XDG_STATE_HOME: place("state"),
      TMPDIR: directory(""),
    });
  });

  const NO_ROLE = {
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:9",
  };

  it.each<[env: Record<string, string>, expected: Record<string, string>]>([
    [AWS, { ...AWS, ...NO_ROLE }],
    [
      { ...AWS, AWS_SESSION_TOKEN: "s" },
      { ...AWS, AWS_SESSION_TOKEN: "s", ...NO_ROLE },
    ],
    [
      { MINIO_ACCESS_KEY: "AKIA", MINIO_SECRET_KEY: CANARY },
      { ...AWS, ...NO_ROLE },
    ],
    [
      { MINIO_ACCESS_KEY: "AKIA", AWS_SECRET_ACCESS_KEY: CANARY },
      { ...AWS, ...NO_ROLE },
    ],
    [{}, NO_ROLE],
  ])("hands over S3 keys %j", (env, expected) => {
    expect(environment(build(S3, env))).toEqual(expected);
  });

  it.each<[env: Record<string, string>]>([
    [{ AWS_ACCESS_KEY_ID: "AKIA" }],
    [{ AWS_SECRET_ACCESS_KEY: CANARY }],
    [{ AWS_SESSION_TOKEN: CANARY }],
    [{ AWS_REGION: "us-east-1" }],
    [{ ...AWS, MINIO_ACCESS_KEY: "AKIA" }],
    [{ ...AWS, CACHIX_AUTH_TOKEN: CANARY }],
    [{ ...AWS, HTTP_PASSWORD: CANARY }],
    [{ CACHIX_AUTH_TOKEN: CANARY }],
    [{ GOOGLE_OAUTH_ACCESS_TOKEN: CANARY }],
  ])("refuses S3 keys %j", (env) => {
    expect(() => build(S3, env)).toThrow(expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }));
    expect(() => build(S3, env)).not.toThrow(CANARY);
  });

  it("takes the region of the credentials where the URL names none", () => {
    const env = { ...AWS, AWS_REGION: "eu-west-1" };
    expect(build(destination("nix-copy", "s3://bucket"), env).args[4]).toBe("s3://bucket?region=eu-west-1");
    expect(build(destination("nix-copy", "s3://bucket?compression=zstd"), env).args[4]).toBe(
      "s3://bucket?compression=zstd&region=eu-west-1",
    );
    expect(build(S3, env).args[4]).toBe("s3://bucket/prefix?region=us-east-1");
    expect(environment(build(S3, env))).not.toHaveProperty("AWS_REGION");
    expect(() => build(S3, { ...AWS, AWS_REGION: "x&endpoint=evil" })).toThrow(
      expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }),
    );
  });

  it("says of a token of another cloud that a role_arn is needed", () => {
    for (const name of ["GOOGLE_OAUTH_ACCESS_TOKEN", "AZURE_ACCESS_TOKEN"]) {
      expect(() => build(S3, { [name]: CANARY })).toThrow("role_arn");
    }
  });

  it("drops the profile from the URL where there are keys", () => {
    const named = destination("nix-copy", "s3://bucket?profile=prod&region=us-east-1");
    expect(build(named, AWS).args[4]).toBe("s3://bucket?region=us-east-1");
    expect(build(destination("nix-copy", "s3://bucket?profile=prod"), AWS).args[4]).toBe("s3://bucket");
  });

  it("leads nix to the host's AWS files where there are none", () => {
    const named = destination("nix-copy", "s3://bucket?profile=prod");
    const awsFiles = { credentials: "/home/ci/.aws/credentials", config: "/home/ci/.aws/config" };
    const command = build(named, {}, { awsFiles });
    expect(command.args[4]).toBe("s3://bucket?profile=prod");
    expect(environment(command)).toEqual({
      AWS_SHARED_CREDENTIALS_FILE: "/home/ci/.aws/credentials",
      AWS_CONFIG_FILE: "/home/ci/.aws/config",
      ...NO_ROLE,
    });
    expect(() => build(named, {})).toThrow(expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }));
  });

  it("authenticates at an HTTP cache by a netrc file, the host without port", () => {
    const command = build(HTTP, { HTTP_USERNAME: "ci", HTTP_PASSWORD: CANARY });
    expect(command.args).toEqual(NIX_COPY("https://cache.example.com:8443/x?compression=zstd"));
    expect(contents(command)).toEqual([
      ["netrc", `machine cache.example.com\nlogin ci\npassword ${CANARY}\n`],
    ]);
    expect(environment(command)).toEqual({});
    expect(command.files[0]?.secrets.map((secret) => secret.expose())).toEqual(["ci", CANARY]);
  });

  it.each([
    [{ HTTP_PASSWORD: "p" }, "machine cache.example.com\npassword p\n"],
    [{ HTTP_PASSWORD: 'a "b"\\c' }, 'machine cache.example.com\npassword "a \\"b\\"\\\\c"\n'],
    [{ HTTP_PASSWORD: "#x" }, 'machine cache.example.com\npassword "#x"\n'],
  ])("writes %j as %j", (env, expected) => {
    expect(contents(build(HTTP, env))).toEqual([["netrc", expected]]);
  });

  it("writes an IPv6 host without brackets", () => {
    const command = build(destination("nix-copy", "https://[2606:4700::1]:8080/"), { HTTP_PASSWORD: "p" });
    expect(contents(command)).toEqual([["netrc", "machine 2606:4700::1\npassword p\n"]]);
  });

  it.each<[env: Record<string, string>]>([
    [{ HTTP_USERNAME: "ci" }],
    [{ HTTP_PASSWORD: "a\nmachine evil" }],
    [{ HTTP_PASSWORD: "é" }],
    [{ HTTP_PASSWORD: "x".repeat(4001) }],
    [{ HTTP_PASSWORD: "" }],
    [AWS],
  ])("refuses HTTP credentials %j", (env) => {
    expect(() => build(HTTP, env)).toThrow(expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }));
  });
});

describe("cachix push", () => {
  it("puts the name and the paths behind --, and the token into the environment", () => {
    const command = build(CACHIX, { CACHIX_AUTH_TOKEN: CANARY, CACHIX_SIGNING_KEY: "key" });
    expect(command.file).toBe("cachix");
    expect(command.args).toEqual(["push", "--", "my-cache", A, B]);
    expect(environment(command)).toEqual({
      CI: "true",
      CACHIX_AUTH_TOKEN: CANARY,
      CACHIX_SIGNING_KEY: "key",
    });
    expect(command.failureMarkers).toEqual([", skipping"]);
  });

  it("goes to a server of one's own where the cache names one", () => {
    const destination = { type: "cachix", name: "my-cache", host: "https://cachix.example.com" } as const;
    const command = build(destination, { CACHIX_AUTH_TOKEN: CANARY });
    expect(command.args.slice(0, 5)).toEqual([
      "--host",
      "https://cachix.example.com",
      "push",
      "--",
      "my-cache",
    ]);
  });

  it.each<[env: Record<string, string>]>([[{}], [{ TOKEN: CANARY }], [AWS]])("refuses %j", (env) => {
    expect(() => build(CACHIX, env)).toThrow(expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }));
  });
});

describe("attic push", () => {
  it("writes a private configuration, and names the server in it", () => {
    const command = build(ATTIC, { ATTIC_TOKEN: CANARY });
    expect(command.file).toBe("attic");
    expect(command.args).toEqual(["push", "eka:my-cache", "--", A, B]);
    expect(environment(command)).toEqual({});
    expect(contents(command)).toEqual([
      [
        "config/attic/config.toml",
        `default-server = "eka"\n\n[servers.eka]\nendpoint = "https://attic.example.com/deep/"\ntoken = "${CANARY}"\n`,
      ],
    ]);
    expect(command.files[0]?.secrets.map((secret) => secret.expose())).toEqual([CANARY]);
  });

  it("writes no token where there is none, and escapes one", () => {
    expect(contents(build(ATTIC, {}))[0]?.[1]).not.toContain("token");
    expect(contents(build(ATTIC, { ATTIC_TOKEN: 'a"b\\c' }))[0]?.[1]).toContain('token = "a\\"b\\\\c"');
  });

  it.each<[env: Record<string, string>]>([
    [{ ATTIC_TOKEN: "a\nb" }],
    [{ ATTIC_TOKEN: "a b" }],
    [{ ATTIC_TOKEN: "é" }],
    [{ ATTIC_AUTH_TOKEN: "x" }],
  ])("refuses %j", (env) => {
    expect(() => build(ATTIC, env)).toThrow(expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }));
  });
});

describe("store paths", () => {
  const HASH = "3n58xw4373jp0ljirf06d8077j15pc4j";
  it.each([
    "",
    ".",
    "nixpkgs#hello",
    "--help",
    "/nix/store",
    `/nix/store/${HASH}`,
    `/nix/store/${HASH}-`,
    `/nix/store/${HASH}-a/b`,
    `/nix/store/${HASH}-a/`,
    `/nix/store/${HASH}-a^out`,
    `/nix/store/${HASH}-a!out`,
    `/nix/store/${HASH}-a#x`,
    `/nix/store/${HASH}-a b`,
    `/nix/store/${HASH}-a\n`,
    `/nix/store/${HASH}-é`,
    `/nix/store/${HASH}-.`,
    `/nix/store/${HASH}-..`,
    `/nix/store/${HASH}-.-x`,
    `/nix/store/${HASH}-${"x".repeat(212)}`,
    `/nix/store/${HASH.replace("3", "e")}-a`,
    `/nix/store/${HASH.toUpperCase()}-a`,
    `/nix/store/${HASH}_a`,
    `/other/store/${HASH}-a`,
    `/nix/store/../store/${HASH}-a`,
    `/nix/store/${HASH}-hello.drv`,
  ])("%j is refused by every tool", (path) => {
    for (const to of [S3, HTTP, CACHIX, ATTIC]) {
      expect(() => build(to, {}, { storePaths: [A, path] })).toThrow(
        expect.objectContaining({ name: "CommandError", code: "ERR_STORE_PATH_INVALID" }),
      );
    }
  });

  it.each([
    `/nix/store/${HASH}-a`,
    `/nix/store/${HASH}-${"x".repeat(211)}`,
    `/nix/store/${HASH}-a+b-c._d?e=f`,
  ])("%j is accepted", (path) => {
    expect(build(HTTP, {}, { storePaths: [path] }).args.at(-1)).toBe(path);
  });

  it("are at least one, and each one once", () => {
    expect(() => build(HTTP, {}, { storePaths: [] })).toThrow(
      expect.objectContaining({ code: "ERR_STORE_PATH_INVALID" }),
    );
    expect(build(HTTP, {}, { storePaths: [A, B, A] }).args).toEqual(build(HTTP, {}).args);
  });

  it("may be in another store", () => {
    const path = `/tmp/store/${HASH}-a`;
    expect(build(HTTP, {}, { storePaths: [path], storeDirectory: "/tmp/store" }).args.at(-1)).toBe(path);
    expect(() => build(HTTP, {}, { storePaths: [A], storeDirectory: "/tmp/store" })).toThrow();
  });
});

describe("formatCommand", () => {
  it.each([
    [S3, AWS],
    [HTTP, { HTTP_PASSWORD: CANARY }],
    [CACHIX, { CACHIX_AUTH_TOKEN: CANARY }],
    [ATTIC, { ATTIC_TOKEN: CANARY }],
  ])("shows no secret", (to, env) => {
    const command = build(to, env);
    expect(formatCommand(command)).toMatch(/^[\x20-\x7e]+$/u);
    expect(formatCommand(command) + toVisibleText(command)).not.toContain(CANARY);
    expect(JSON.stringify(command.args)).not.toContain(CANARY);
  });

  it("quotes as a shell would", () => {
    const command = { file: "tool", args: ["a b", "it's", "", "\n", "plain"], env: new Map(), files: [] };
    expect(formatCommand(command)).toBe("tool 'a b' 'it'\\''s' '' '\\u{a}' plain");
  });
});

describe("attic push", () => {
  const argsOf = (more: string): readonly unknown[] => {
    const { caches } = parseServerConfig(`
      [[caches]]
      id = "attic"
      cache_type = "attic"
      destination = "https://attic.example.com/c"
      credentials = "none"
      ${more}`);
    const [cache] = caches;
    if (cache === undefined) throw new Error("There is no cache");
    const storePaths = ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"];
    return buildPushCommand({ destination: cache.destination, storePaths, credentials: { env: new Map() } })
      .args;
  };

  it("has the options that the cache's table names, and no others", () => {
    expect(argsOf("").slice(0, 3)).toEqual(["push", "eka:c", "--"]);
    expect(argsOf("jobs = 10").slice(0, 4)).toEqual(["push", "--jobs", "10", "eka:c"]);
    expect(argsOf("ignore_upstream = true").slice(0, 3)).toEqual([
      "push",
      "--ignore-upstream-cache-filter",
      "eka:c",
    ]);
    expect(argsOf("ignore_upstream = false").slice(0, 2)).toEqual(["push", "eka:c"]);
  });
});
