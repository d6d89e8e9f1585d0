import {
  buildPushCommand,
  type CacheDestination,
  formatCommand,
  type PushCommandInput,
  parseStorePath,
  Secret,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const PATH = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";

const S3: CacheDestination = { type: "s3", url: "s3://bucket", bucket: "bucket", prefix: "", parameters: [] };
const HTTP: CacheDestination = { type: "http", url: "https://cache.example.com", host: "cache.example.com" };
const CACHIX: CacheDestination = { type: "cachix", name: "my-cache" };
const ATTIC: CacheDestination = {
  type: "attic",
  url: "https://attic.example.com/c",
  endpoint: "https://attic.example.com/",
  cache: "c",
};
const KEYS = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "secret-canary" };

const build = (
  destination: CacheDestination,
  env: Record<string, string>,
  more: Partial<PushCommandInput> = {},
) =>
  buildPushCommand({
    destination,
    storePaths: [PATH],
    credentials: { env: new Map(Object.entries(env).map(([name, value]) => [name, new Secret(value)])) },
    ...more,
  });

describe("nix's log for programs", () => {
  it("is asked for where progress is, and of nix alone", () => {
    for (const [destination, env] of [
      [S3, KEYS],
      [HTTP, {}],
    ] as const) {
      const plain = build(destination, env);
      expect(plain.args).not.toContain("--log-format");
      expect(plain.logFormat).toBeUndefined();
      const told = build(destination, env, { progress: true });
      expect(told.args[told.args.indexOf("--to") + 1]).toBe(destination.url);
      expect(told.args.join(" ")).toContain("--log-format internal-json");
      expect(told.logFormat).toBe("nix-internal-json");
    }
    expect(build(CACHIX, { CACHIX_AUTH_TOKEN: "t" }, { progress: true }).logFormat).toBeUndefined();
  });
});

describe("what a refusal names", () => {
  it.each<[destination: CacheDestination, env: Record<string, string>, culprit: RegExp]>([
    [S3, { ...KEYS, A: "x", B: "x" }, /nix copy to S3 would ignore A, B; it can use AWS_ACCESS_KEY_ID, /u],
    [S3, { AWS_ACCESS_KEY_ID: "x" }, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together/u],
    [S3, { ...KEYS, MINIO_ACCESS_KEY: "x" }, /AWS_ACCESS_KEY_ID is given twice/u],
    [S3, { ...KEYS, AWS_REGION: "&" }, /AWS_REGION or AWS_DEFAULT_REGION is not the name/u],
    [S3, { ...KEYS, AWS_REGION: "x".repeat(65) }, /is not the name of a region/u],
    [HTTP, { TOKEN: "x" }, /nix copy to an HTTP cache would ignore TOKEN; it can use HTTP_USERNAME, /u],
    [HTTP, { HTTP_USERNAME: "x" }, /HTTP_USERNAME needs HTTP_PASSWORD/u],
    [HTTP, { HTTP_PASSWORD: "é" }, /HTTP_PASSWORD must be 1 to 4000/u],
    [HTTP, { HTTP_USERNAME: "é", HTTP_PASSWORD: "x" }, /HTTP_USERNAME must be 1 to 4000/u],
    [CACHIX, { TOKEN: "x" }, /cachix push would ignore TOKEN; it can use CACHIX_AUTH_TOKEN, /u],
    [CACHIX, {}, /CACHIX_AUTH_TOKEN or CACHIX_SIGNING_KEY/u],
    [ATTIC, { TOKEN: "x" }, /attic push would ignore TOKEN; it can use ATTIC_TOKEN/u],
    [ATTIC, { ATTIC_TOKEN: "a b" }, /ATTIC_TOKEN must be printable/u],
  ])("credentials, case %#", (destination, env, culprit) => {
    expect(() => build(destination, env)).toThrow(culprit);
  });

  it("an AWS profile without the files that define it", () => {
    const parameters = [
      { name: "profile", value: "prod" },
      { name: "region", value: "eu-west-1" },
    ];
    const named: CacheDestination = { ...S3, url: "s3://bucket?profile=prod&region=eu-west-1", parameters };
    expect(() => build(named, {})).toThrow(/AWS profile; pass awsFiles/u);
    const awsFiles = { credentials: "/c", config: "/d" };
    expect(build(named, {}, { awsFiles }).args).toContain(named.url);
  });

  it("a store path that is none", () => {
    expect(() => parseStorePath("nixpkgs#hello")).toThrow(/nixpkgs#hello is not a store path/u);
    expect(() => parseStorePath(5 as never)).toThrow(/5 is not a store path/u);
    expect(() => build(HTTP, {}, { storePaths: [] })).toThrow(/no store path/u);
    expect(() => build(HTTP, {}, { storePaths: [`${PATH}.drv`] })).toThrow(
      /hello-2\.12\.drv is a derivation/u,
    );
  });
});

describe("what a command holds", () => {
  it("no file that its tool does not need, and no secret that there is not", () => {
    expect(build(CACHIX, { CACHIX_AUTH_TOKEN: "t" }).files).toEqual([]);
    for (const [destination, env, secrets] of [
      [S3, KEYS, []],
      [HTTP, {}, []],
      [HTTP, { HTTP_PASSWORD: "p" }, ["p"]],
      [ATTIC, {}, []],
      [ATTIC, { ATTIC_TOKEN: "t" }, ["t"]],
    ] as const) {
      const [file] = build(destination, env).files;
      expect(file?.secrets.map((secret) => secret.expose())).toEqual(secrets);
    }
  });

  it("paths of the store that it is told", () => {
    const storePaths = ["/tmp/store/3n58xw4373jp0ljirf06d8077j15pc4j-a"];
    const elsewhere = { storePaths, storeDirectory: "/tmp/store" };
    for (const [destination, env] of [
      [HTTP, {}],
      [CACHIX, { CACHIX_AUTH_TOKEN: "t" }],
      [ATTIC, {}],
    ] as const) {
      expect(build(destination, env, elsewhere).args.at(-1)).toBe(storePaths[0]);
      expect(() => build(destination, env, { ...elsewhere, storePaths: [PATH] })).toThrow();
    }
  });

  it("the region that either variable names, in the URL and not in the environment", () => {
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
      const command = build(S3, { ...KEYS, [name]: "eu-west-1" });
      expect(command.args).toContain("s3://bucket?region=eu-west-1");
      expect([...command.env.keys()]).not.toContain(name);
    }
    expect(build(S3, { ...KEYS, AWS_REGION: "x".repeat(64) }).args[4]).toContain(`region=${"x".repeat(64)}`);
    expect(build(S3, KEYS).args[4]).toBe("s3://bucket");
  });

  it("the longest password", () => {
    expect(build(HTTP, { HTTP_PASSWORD: "x".repeat(4_000) }).files[0]?.content.expose()).toContain("xxx\n");
  });
});

it("a command prints its variables, its places and no secret", () => {
  expect(formatCommand(build(CACHIX, { CACHIX_AUTH_TOKEN: "secret-canary" }))).toBe(
    "HOME=<work> XDG_CACHE_HOME=<work>/cache XDG_CONFIG_HOME=<work>/config XDG_DATA_HOME=<work>/data " +
      "XDG_STATE_HOME=<work>/state TMPDIR=<work> CI=true CACHIX_AUTH_TOKEN=[redacted] " +
      `cachix push -- my-cache ${PATH}`,
  );
});
