import {
  CacheRegistry,
  type CacheType,
  type CacheTypeDefinition,
  CommandError,
  ConfigError,
  type CustomDestination,
  defineCacheType,
  parseServerConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import { type CacheTypeSuite, describeCacheType } from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { directoryStore } from "../../examples/cache-types/directory-store.ts";
import { niks3 } from "../../examples/cache-types/niks3.ts";
import { sshStore } from "../../examples/cache-types/ssh-store.ts";
import { findCacheTool } from "../../src/commands/find-cache-tool.ts";
import { buildPushCommand } from "../../src/commands/push-command.ts";
import { PATH } from "../support/set-up-registry.ts";

const framework = { describe, it };
const toToml = (type: string, destination: string, rest = ""): string => `[[caches]]
id = "c"
cache_type = "${type}"
destination = ${JSON.stringify(destination)}
credentials = "none"
permissions = { allow_all = true }
${rest}`;

/** A built-in type, as far as a text of the configuration can be one. */
const builtIn = (name: string, cacheType: CacheType): CacheTypeDefinition => ({
  type: `custom:${name}`,
  tool: name,
  bind: ({ text }) => {
    const parsed = safeParseServerConfig(toToml(cacheType, text));
    const [cache] = parsed.success ? parsed.output.caches : [];
    return cache === undefined
      ? { success: false, places: "destination" }
      : { success: true, ...findCacheTool(cache.destination, []) };
  },
});

const suites: readonly Omit<CacheTypeSuite, "framework">[] = [
  {
    type: builtIn("s3", "nix-copy"),
    ready: {
      destination: "s3://bucket/nix?region=eu-central-1",
      credentials: { AWS_ACCESS_KEY_ID: "canary-s3-id", AWS_SECRET_ACCESS_KEY: "canary-s3-key" },
    },
    refused: [{ destination: "s3://a" }, { destination: "s3://bucket?secret-key=/etc/key" }],
    failures: [],
  },
  {
    type: builtIn("http", "nix-copy"),
    ready: { destination: "https://cache.example.org", credentials: { HTTP_PASSWORD: "canary-http" } },
    refused: [{ destination: "https://user:secret@cache.example.org" }, { destination: "https://127.0.0.1" }],
    failures: [],
  },
  {
    type: builtIn("cachix", "cachix"),
    ready: { destination: "team", credentials: { CACHIX_AUTH_TOKEN: "canary-cachix" } },
    refused: [{ destination: "Team" }],
    failures: [],
  },
  {
    type: builtIn("attic", "attic"),
    ready: { destination: "https://attic.example.org/team", credentials: { ATTIC_TOKEN: "canary-attic" } },
    refused: [{ destination: "https://attic.example.org" }],
    failures: [],
  },
  {
    type: sshStore,
    ready: {
      destination: "ssh-ng://nix-ssh@builder.example.org",
      options: { host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA", port: 2222 },
      credentials: { STORE_SSH_KEY: Buffer.from("canary-of-the-ssh-key").toString("base64") },
    },
    refused: [
      { destination: "ssh-ng://builder.example.org" },
      { destination: "ssh-ng://builder", options: { host_key: "ssh-ed25519 AAAA\nother ssh-rsa AAAA" } },
      { destination: "ssh-ng://builder?ssh-key=/root/.ssh/id", options: { host_key: "ssh-ed25519 AAAA" } },
      { destination: "ssh-ng://a b", options: { host_key: "ssh-ed25519 AAAA" } },
      { destination: "ssh-ng://builder", options: { host_key: "ssh-ed25519 AAAA", port: 0 } },
      { destination: "ssh-ng://builder", options: { host_key: "ssh-ed25519 AAAA", proxy: "x" } },
    ],
    failures: [
      { output: "Host key verification failed.\r\nerror: cannot connect to 'x'", means: "misconfigured" },
      { output: "nix-ssh@x: Permission denied (publickey).\r\n", means: "unauthorized" },
      { output: "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n", means: "away" },
    ],
  },
  {
    type: directoryStore("/srv/hand-over"),
    ready: { destination: "file:///srv/hand-over/team", credentials: {} },
    refused: [
      { destination: "file:///srv/hand-over" },
      { destination: "file:///srv/hand-over/" },
      { destination: "file:///srv/hand-overs/team" },
      { destination: "file:///srv/hand-over/../etc" },
      { destination: "file:///srv/hand-over/.hidden" },
      { destination: "file:///srv/hand-over/team?secret-key=/etc/key" },
      { destination: "file:///srv/hand-over/%2e%2e/etc" },
      { destination: "file:///srv/hand-over/team", options: {} },
    ],
    failures: [
      { output: "error: cannot create directory '/srv/x': Permission denied", means: "misconfigured" },
      { output: "error: writing to file: No space left on device", means: "busy" },
    ],
  },
  {
    type: niks3,
    ready: { destination: "https://niks3.example.org", credentials: { NIKS3_AUTH_TOKEN: "canary-niks3" } },
    refused: [{ destination: "http://niks3.example.org" }, { destination: "https://u@niks3.example.org" }],
    failures: [{ output: "auth token is required (use --auth-token)", means: "misconfigured" }],
  },
];
for (const suite of suites) describeCacheType({ framework, ...suite });

const echo = defineCacheType({
  type: "custom:echo",
  tool: "echo",
  schema: v.strictObject({
    destination: v.picklist(["here"]),
    options: v.optional(v.strictObject({ loud: v.boolean() })),
  }),
  build: ({ target, storePaths }) => ({
    file: "echo",
    args: [target.destination, ...storePaths],
    env: new Map([["TMPDIR", "/elsewhere"]]),
    files: [],
  }),
  verify: () => ({ url: "https://cache.example.org" }),
});

describe("a cache type of the host's own", () => {
  const diagnosticOf = (toml: string, cacheTypes: readonly CacheTypeDefinition[]) => {
    try {
      return new CacheRegistry(parseServerConfig(toml), { cacheTypes }).config.caches[0];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.diagnostics.map(({ code, path }) => [code, path.join(".")]);
    }
  };

  it("is a table of the configuration, with a destination and options of its own", () => {
    const cache = diagnosticOf(toToml("custom:echo", "here", "options = { loud = true }"), [echo]);
    expect(cache).toMatchObject({
      cacheType: "custom:echo",
      destination: { type: "custom", cacheType: "custom:echo", text: "here", options: { loud: true } },
    });
  });

  it.each([
    [
      "a type that nobody defined",
      toToml("custom:other", "here"),
      "unknown-cache-type",
      "caches.0.cache_type",
    ],
    [
      "a destination outside its schema",
      toToml("custom:echo", "there"),
      "invalid-destination",
      "caches.0.destination",
    ],
    [
      "options outside its schema",
      toToml("custom:echo", "here", "options = { loud = 1 }"),
      "invalid-destination",
      "caches.0.destination",
    ],
  ])("refuses %s when the registry is made", (_what, toml, code, path) => {
    expect(diagnosticOf(toml, [echo])).toEqual([[code, path]]);
  });

  it.each([
    ['cache_type = "custom:Echo"', "invalid-value"],
    ['cache_type = "custom:"', "invalid-value"],
    ["cache_type = 1", "invalid-type"],
    ['cache_type = "custom:echo"\nupload = "nix"', "invalid-value"],
    ['cache_type = "custom:echo"\noptions = 1', "invalid-type"],
    ['cache_type = "custom:echo"\ndestination = "ssh-ng://127.0.0.1"', "private-host"],
    ['cache_type = "custom:echo"\ndestination = "ssh-ng://user@[::1]:22/x"', "private-host"],
    ['cache_type = "custom:echo"\ndestination = "ssh-ng://user:password@example.org"', "inline-secret"],
    [
      'cache_type = "custom:echo"\noptions = { token = "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }',
      "inline-secret",
    ],
    ['cache_type = "custom:echo"\noptions = { login = { password = "hunter2hunter2" } }', "inline-secret"],
    ['cache_type = "custom:echo"\noptions = { api_key = "s3cr3tvalue12345" }', "inline-secret"],
    ['cache_type = "cachix"\noptions = { loud = true }', "invalid-value"],
  ])("is refused by the file's own rules: %s", (lines, code) => {
    const rest = lines.includes("destination") ? lines : `${lines}\ndestination = "here"`;
    const result = safeParseServerConfig(
      `[[caches]]\nid = "c"\ncredentials = "none"\npermissions = { allow_all = true }\n${rest}`,
    );
    expect(result.success).toBe(false);
    if (!result.success) expect(result.diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  it.each([
    ...[
      "https://127.1/x",
      "https://2130706433",
      "https://0x7f000001",
      "https://%31%32%37.0.0.1",
      "https:///127.0.0.1/",
    ],
    ...[
      "https:/127.0.0.1",
      "https:127.0.0.1",
      "https://2852039166/latest",
      "HTTPS://127.0.0.1",
      "ssh-ng://127.1",
    ],
    ...["ssh-ng://a@b@127.0.0.1", "root@127.0.0.1:/x", "127.0.0.1:x", "localhost", "//127.0.0.1"],
    ...["x://[::ffff:127.0.0.1]:1/", "ssh-ng://user@localhost.:22/x", "file://localhost/srv"],
  ])("leads to no private host: %s", (destination) => {
    const result = safeParseServerConfig(toToml("custom:echo", destination));
    expect(result.success).toBe(false);
    const found = result.success ? [] : result.diagnostics.map(({ code }) => code);
    expect(["private-host", "invalid-destination", "inline-secret"]).toContain(found[0]);
  });

  it.each([
    "here",
    "team/one",
    "https://example.org:8443/x",
    "ssh-ng://user@example.org",
    "file:///srv/x",
    "git@example.org:x",
  ])("may lead to %s", (destination) => {
    expect(safeParseServerConfig(toToml("custom:echo", destination)).success).toBe(true);
  });

  it("warns of a destination in the open, however its scheme is written", () => {
    const { diagnostics } = safeParseServerConfig(toToml("custom:echo", "HTTP://example.org"));
    expect(diagnostics.map(({ code }) => code)).toContain("plaintext-destination");
  });

  it("is defined once", () => {
    const config = parseServerConfig(toToml("custom:echo", "here"));
    expect(() => new CacheRegistry(config, { cacheTypes: [echo, echo] })).toThrow(ConfigError);
  });

  it("runs in a private home that its command cannot leave by forgetting a variable", () => {
    const destination: CustomDestination = { type: "custom", cacheType: "custom:echo", text: "here" };
    const input = { storePaths: [PATH], credentials: { env: new Map() } };
    const { env } = buildPushCommand({ ...input, destination, cacheTypes: [echo] });
    expect(env.get("HOME")).toEqual({ kind: "work-directory", path: "" });
    expect(env.get("TMPDIR")).toBe("/elsewhere");
    for (const cacheTypes of [undefined, [], [{ ...echo, type: "custom:x" as const }]])
      expect(() => buildPushCommand({ ...input, destination, cacheTypes })).toThrow(CommandError);
    const other = { ...destination, text: "there" };
    expect(() => buildPushCommand({ ...input, destination: other, cacheTypes: [echo] })).toThrow(
      CommandError,
    );
  });

  it("says no to a schema that answers later", () => {
    const later = defineCacheType({
      type: "custom:later",
      tool: "echo",
      schema: v.pipeAsync(
        v.unknown(),
        v.checkAsync(async () => true),
      ),
      build: () => ({ file: "echo", args: [], env: new Map(), files: [] }),
      verify: () => ({ url: "https://cache.example.org" }),
    });
    const config = parseServerConfig(toToml("custom:later", "here"));
    expect(() => new CacheRegistry(config, { cacheTypes: [later] })).toThrow(TypeError);
  });
});
