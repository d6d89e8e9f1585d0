import { basename } from "node:path";
import { type CacheDestination, Secret } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { buildPathInfoCommand, parsePathInfo } from "../../src/commands/path-info.ts";

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

const A = PATH;
/** What a signature by a key looks like. */
const signedBy = (key: string): string => `${key}:${"x".repeat(86)}==`;
const B = "/nix/store/0c0000000000000000000000000000z1-world-1.0";

describe("the question which paths a cache has", () => {
  const ask = (destination: CacheDestination, env: Record<string, string>) =>
    buildPathInfoCommand({
      destination,
      storePaths: [PATH],
      credentials: { env: new Map(Object.entries(env).map(([name, value]) => [name, new Secret(value)])) },
    });

  it("has the arguments that work from Nix 2.4 on, and asks the cache, not nix's memory", () => {
    expect(ask(HTTP, {}).file).toBe("nix");
    expect(ask(HTTP, {}).args).toEqual([
      ...["--extra-experimental-features", "nix-command", "path-info", "--json"],
      ...["--store", "https://cache.example.com"],
      ...["--option", "substitute", "false", "--option", "builders", "", "--max-jobs", "0"],
      ...["--option", "download-attempts", "1", "--refresh"],
      ...["--netrc-file", { kind: "work-file", path: "netrc" }, "--", PATH],
    ]);
    expect(() =>
      buildPathInfoCommand({ destination: HTTP, storePaths: ["x"], credentials: { env: new Map() } }),
    ).toThrow("is not a store path");
    const elsewhere = {
      storePaths: ["/tmp/store/3n58xw4373jp0ljirf06d8077j15pc4j-a"],
      storeDirectory: "/tmp/store",
    };
    expect(
      buildPathInfoCommand({ destination: HTTP, credentials: { env: new Map() }, ...elsewhere }).args.at(-1),
    ).toBe(elsewhere.storePaths[0]);
  });

  it("carries the credentials of the push, under the names that nix reads", () => {
    const read = (command: ReturnType<typeof ask>) => command.files.map(({ content }) => content.expose());
    expect(read(ask(CACHIX, { CACHIX_AUTH_TOKEN: "t" }))).toEqual([
      "machine my-cache.cachix.org\npassword t\n",
    ]);
    expect(read(ask(CACHIX, { CACHIX_SIGNING_KEY: "k" }))).toEqual([""]);
    expect(read(ask(ATTIC, { ATTIC_TOKEN: "t" }))).toEqual(["machine attic.example.com\npassword t\n"]);
    expect(read(ask(ATTIC, {}))).toEqual([""]);
    expect(ask(S3, KEYS).env.get("AWS_SECRET_ACCESS_KEY")).toBeInstanceOf(Secret);
    expect(
      ask(HTTP, { HTTP_USERNAME: "ci", HTTP_PASSWORD: "p" }).files[0]?.secrets.map((secret) =>
        secret.expose(),
      ),
    ).toEqual(["p"]);
  });

  it.each<[stdout: string, found: Record<string, readonly string[]> | undefined]>([
    ["", undefined],
    ["5", undefined],
    ["null", undefined],
    ["{}", {}],
    [JSON.stringify({ [PATH]: {} }), { [PATH]: [] }],
    [JSON.stringify({ [PATH]: null }), {}],
    [
      JSON.stringify({ [PATH]: { signatures: [signedBy("a-1"), signedBy("b-1"), 5] } }),
      { [PATH]: [signedBy("a-1"), signedBy("b-1")] },
    ],
    [JSON.stringify([{ path: PATH, signatures: "none" }, 5, null, { path: 5 }]), { [PATH]: [] }],
    [JSON.stringify([{ path: PATH, valid: false }]), {}],
    [JSON.stringify([{ path: PATH, valid: true }]), { [PATH]: [] }],
    [JSON.stringify([{ path: PATH, valid: "false" }]), {}],
    [JSON.stringify([{ path: PATH, valid: null }]), {}],
    [JSON.stringify({ [PATH]: { valid: 0 } }), {}],
    [JSON.stringify({ [PATH]: [] }), {}],
    [JSON.stringify({ [PATH]: [{}] }), {}],
    [JSON.stringify([[PATH], { path: PATH, valid: false }, { path: PATH }]), {}],
    [JSON.stringify([{ path: PATH }, { path: PATH, valid: false }]), {}],
    [`{"${PATH}":{"valid":false,"valid":true}}`, undefined],
    [`{"${PATH}":null,"${PATH}":{}}`, undefined],
    [`{"${PATH}":{"\\u0076alid":false,"valid":true}}`, undefined],
    [
      JSON.stringify({
        [PATH]: { signatures: ["key-1", "key-1:", "key-1:short", ":", `:${"x".repeat(86)}==`] },
      }),
      { [PATH]: [] },
    ],
  ])("is read as %s", (stdout, found) => {
    const infos = parsePathInfo(stdout);
    const read = infos && Object.fromEntries([...infos].map(([path, { signatures }]) => [path, signatures]));
    expect(read).toEqual(found);
  });
});

it("path info is read in every form that Nix has had", () => {
  expect(
    parsePathInfo(`[{"path":"${A}","signatures":["${signedBy("k-1")}"]},{"path":"${B}","valid":false}]`),
  ).toEqual(new Map([[A, { signatures: [signedBy("k-1")] }]]));
  expect(parsePathInfo(`{"${A}":{"signatures":[]},"${B}":null}`)).toEqual(new Map([[A, { signatures: [] }]]));
  const second = (info: object): string => JSON.stringify({ info, storeDir: "/nix/store", version: 2 });
  expect(
    parsePathInfo(second({ [basename(A)]: { url: "nar/x.nar", version: 2 }, [basename(B)]: null })),
  ).toEqual(new Map([[A, { signatures: [], narUrl: "nar/x.nar" }]]));
});

it.each([
  "7",
  JSON.stringify({ info: {}, storeDir: "/nix/store", version: 3 }),
  JSON.stringify({ info: {}, version: 2 }),
  JSON.stringify({ info: [], storeDir: "/nix/store", version: 2 }),
  JSON.stringify({ paths: { [A]: {} } }),
  JSON.stringify({ [basename(A)]: {} }),
])("path info in a form that is not known is none: %s", (stdout) => {
  expect(parsePathInfo(stdout)).toBeUndefined();
});

it("the format is named where nix asks for it", () => {
  const input = { destination: HTTP, storePaths: [A], credentials: { env: new Map<string, Secret>() } };
  expect(buildPathInfoCommand(input).args).not.toContain("--json-format");
  const { args } = buildPathInfoCommand(input, true);
  expect(args.slice(args.indexOf("--json-format")).slice(0, 2)).toEqual(["--json-format", "1"]);
});
