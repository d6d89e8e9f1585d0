import {
  ConfigError,
  type DiagnosticCode,
  formatDiagnostic,
  loadServerConfig,
  parseServerConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import { createTestRuntime } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";

const CACHE = `
[[caches]]
id = "one"
cache_type = "cachix"
destination = "one"
credentials = "none"
`;

const codes = (text: string | Uint8Array): DiagnosticCode[] =>
  safeParseServerConfig(text).diagnostics.map(({ code }) => code);

const withPermissions = (permissions: string): DiagnosticCode[] =>
  codes(`${CACHE}permissions = ${permissions}`);

const withCredentials = (credentials: string): DiagnosticCode[] =>
  codes(`${CACHE.replace('"none"', credentials)}permissions = { allow_all = true }`);

describe("the permissions table", () => {
  it.each<[permissions: string, expected: DiagnosticCode[]]>([
    ["{ allow_all = true }", []],
    ['{ allow_all = true, allowed_repos = ["a/b"] }', ["ignored-permissions"]],
    ['{ allow_all = true, allowed_branches = ["main"] }', ["ignored-permissions"]],
    ['{ allowed_repos = ["a/b"] }', ["ambiguous-permissions"]],
    ['{ allowed_branches = ["main"] }', ["ambiguous-permissions"]],
    ["{ allow_forks = true }", ["ambiguous-permissions"]],
    ["{ }", ["ambiguous-permissions"]],
    ["{ allow_all = false }", ["no-repositories-allowed"]],
    ["{ allow_all = false, allowed_repos = [] }", ["no-repositories-allowed"]],
    ['{ allow_all = false, allowed_repos = ["a/b"] }', []],
    ['{ allow_all = false, allowed_repos = ["a/b"], allowed_branches = [] }', ["no-branches-allowed"]],
    ['{ allow_all = false, allowed_repos = ["a/b"], allow_forks = true }', []],
    ['{ allow_all = false, allowed_repo = ["a/b"] }', ["unknown-key"]],
    ["{ alow_all = true }", ["unknown-key"]],
    ['{ allow_all = "false", allowed_repos = ["a/b"] }', ["invalid-type"]],
    ['{ allow_all = false, allowed_repos = "a/b" }', ["invalid-type"]],
    ["{ allow_all = false, allowed_repos = [1] }", ["invalid-type"]],
    ['{ allow_all = false, allowed_repos = ["company"] }', ["invalid-pattern"]],
    ['{ allow_all = false, allowed_repos = ["a/**"] }', ["invalid-pattern"]],
    [
      '{ allow_all = false, allowed_repos = ["a/b"], allowed_branches = ["!main", "{a,b}"] }',
      ["invalid-pattern", "invalid-pattern"],
    ],
    ["{ allow_all = true, constructor = 1 }", ["unknown-key"]],
    ["{ allow_all = true, __proto__ = { allow_all = true } }", ["unknown-key"]],
    ["true", ["invalid-type"]],
    ["[]", ["invalid-type"]],
    ["[1]", ["invalid-type"]],
    ["2020-01-01T00:00:00Z", ["invalid-type"]],
    ["[{ allow_all = true }]", ["invalid-type"]],
  ])("%s gives %j", (permissions, expected) => {
    expect(withPermissions(permissions)).toEqual(expected);
  });

  it("warns about a cache without permissions, and lets it be used", () => {
    const result = safeParseServerConfig(CACHE);
    expect(result).toMatchObject({
      success: true,
      diagnostics: [{ code: "unrestricted-permissions", path: ["caches", 0] }],
    });
    expect(result.success && result.output.caches[0]?.permissions.allowAll).toBe(true);
  });
});

describe("credentials", () => {
  it.each<[credentials: string, expected: DiagnosticCode[]]>([
    ['"none"', []],
    ['"instance-metadata"', []],
    ["{ none = {} }", []],
    ["{ instance-metadata = {} }", []],
    ['{ "custom:keyring" = { entry = "x" } }', []],
    ["{ }", ["invalid-credentials"]],
    ['{ none = {}, env = { vars = ["A_TOKEN"] } }', ["invalid-credentials"]],
    ['{ none = {}, "custom:keyring" = {} }', ["invalid-credentials"]],
    ["{ envv = {} }", ["unknown-credential-source"]],
    ['{ "custom:Bad Name" = {} }', ["unknown-credential-source"]],
    ["{ toString = {} }", ["unknown-credential-source"]],
    ['"vault"', ["invalid-type"]],
    ["7", ["invalid-type"]],
    ["{ none = { x = 1 } }", ["unknown-key"]],
    ["{ env = { vars = [] } }", ["invalid-value"]],
    ['{ env = { vars = ["A_TOKEN", "A_TOKEN"] } }', ["invalid-value"]],
    ['{ env = { vars = ["LD_PRELOAD"] } }', ["invalid-value"]],
    [
      '{ env = { vars = ["PATH", "NIX_CONFIG", "https_proxy"] } }',
      ["invalid-value", "invalid-value", "invalid-value"],
    ],
    ['{ env = { vars = ["A TOKEN"] } }', ["invalid-value"]],
    ["{ env = { } }", ["missing-key"]],
    ["[]", ["invalid-type"]],
    ["[{ none = {} }]", ["invalid-type"]],
    ["2020-01-01T00:00:00Z", ["invalid-type"]],
    ["{ none = [] }", ["invalid-type"]],
    ["{ none = [1] }", ["invalid-type"]],
    ["{ none = 2020-01-01T00:00:00Z }", ["invalid-type"]],
    ['{ env = [{ vars = ["A_TOKEN"] }] }', ["invalid-type"]],
    [
      '{ instance-metadata = { provider = "gcp", role_arn = "arn:aws:iam::123456789012:role/push", audience = "x" } }',
      [],
    ],
    ['{ instance-metadata = { provider = "ibm" } }', ["invalid-value"]],
    ['{ instance-metadata = { role_arn = "push" } }', ["invalid-value"]],
    [
      '{ aws-secrets-manager = { secret_name = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ci", region = "us-east-1" } }',
      ["invalid-value"],
    ],
    [
      '{ aws-secrets-manager = { secret_name = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ci", region = "eu-west-1" } }',
      [],
    ],
    [
      '{ instance-metadata = { provider = "aws", role_arn = "arn:aws:iam::123456789012:role/push" } }',
      ["invalid-value"],
    ],
    ['{ instance-metadata = { provider = "gcp", client_id = "x" } }', ["invalid-value"]],
    ['{ instance-metadata = { audience = "x", region = "us-east-1" } }', ["invalid-value", "invalid-value"]],
    ['{ file = { path = "relative" } }', ["invalid-value"]],
    ['{ file = { path = "/etc/keys", mode = 600 } }', ["unknown-key"]],
    ['{ file = { path = "/etc/keys", file_permissions = "off" } }', ["insecure-file-permissions"]],
    ['{ file = { path = "/etc/keys", file_permissions = "lax" } }', ["invalid-value"]],
    ['{ systemd-credential = { name = "a/b" } }', ["invalid-value"]],
    ['{ systemd-credential = { name = ".." } }', ["invalid-value"]],
    ['{ systemd-credential = { name = ".hidden" } }', []],
    ['{ vault = { address = "vault.example", secret_path = "secret/x" } }', ["invalid-value"]],
    ['{ vault = { address = "https://u:p@vault.example", secret_path = "secret/x" } }', ["inline-secret"]],
    ['{ vault = { address = "https://vault.example", secret_path = "secret/../sys" } }', ["invalid-value"]],
    [
      '{ vault = { address = "https://vault.example", secret_path = "secret/%2e%2e/sys" } }',
      ["invalid-value"],
    ],
    [
      '{ vault = { address = "https://vault.example", secret_path = "secret/x?version=1" } }',
      ["invalid-value"],
    ],
    ['{ vault = { address = "https://vault.example", secret_path = "secret/x#y" } }', ["invalid-value"]],
  ])("%s gives %j", (credentials, expected) => {
    expect(withCredentials(credentials)).toEqual(expected);
  });

  it("is required", () => {
    expect(
      codes('[[caches]]\nid = "x"\ncache_type = "cachix"\ndestination = "x"\npermissions.allow_all = true'),
    ).toEqual(["missing-key"]);
  });
});

describe("the rest of the file", () => {
  it.each<[name: string, text: string, expected: DiagnosticCode[]]>([
    ["nothing", "", []],
    ["an unknown key in a cache", `${CACHE}permissions.allow_all = true\ncolour = 1`, ["unknown-key"]],
    [
      "two unknown keys in a cache",
      `${CACHE}permissions.allow_all = true\na = 1\nb = 1`,
      ["unknown-key", "unknown-key"],
    ],
    ["an unknown type", CACHE.replace('"cachix"', '"s3"'), ["unrestricted-permissions", "invalid-value"]],
    ["an id with a slash", CACHE.replace('"one"', '"a/b"'), ["unrestricted-permissions", "invalid-cache-id"]],
    [
      "an id of 65 characters",
      CACHE.replace('"one"', `"${"a".repeat(65)}"`),
      ["unrestricted-permissions", "invalid-cache-id"],
    ],
    ["caches as a table", "[caches]\nid = 1", ["invalid-type"]],
    ["security as an array of tables", "[[security]]\naudit_hooks = false", ["invalid-type"]],
    ["security as a date", "security = 2020-01-01", ["invalid-type"]],
    [
      "permissions as an array of tables",
      `${CACHE}[[caches.permissions]]\nallow_all = true`,
      ["invalid-type"],
    ],
    ["a timeout of 0", "[security]\nmax_hook_timeout_seconds = 0", ["timeout-clamped"]],
    ["a timeout below 0", "[security]\nmax_hook_timeout_seconds = -5", ["timeout-clamped"]],
    ["a timeout with a fraction", "[security]\nmax_hook_timeout_seconds = 1.5", ["invalid-type"]],
    ["a timeout in words", '[security]\nmax_hook_timeout_seconds = "300"', ["invalid-type"]],
    ["a flag in words", '[security]\naudit_hooks = "yes"', ["invalid-type"]],
    ["a key defined twice", 'a = 1\na = "canary-value"', ["toml-syntax"]],
    ["broken syntax", "a = ", ["toml-syntax"]],
    ["keys nested nine deep", "a.b.c.d.e.f.g.h.i = 1", ["nesting-too-deep"]],
    ["keys nested eight deep", "a.b.c.d.e.f.g.h = 1", []],
    ["keys nested a hundred thousand deep", `${"a.".repeat(100_000)}a = 1`, ["nesting-too-deep"]],
    ["arrays nested deep", `a = ${"[".repeat(400)}${"]".repeat(400)}`, []],
    ["more than 4 MiB", `#${"x".repeat(4 * 1024 * 1024)}`, ["input-too-large"]],
    ["a lone surrogate", 'a = "\ud800"', ["invalid-encoding"]],
  ])("%s", (_name, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  it("refuses bytes that are not UTF-8, and accepts a BOM", () => {
    expect(codes(new Uint8Array([0x61, 0x3d, 0xff]))).toEqual(["invalid-encoding"]);
    expect(codes(new TextEncoder().encode("\ufeffa = 1"))).toEqual([]);
  });

  it("refuses an id that stands twice, and says where it stood first", () => {
    const [diagnostic] = safeParseServerConfig(
      `${CACHE}permissions.allow_all = true\n${CACHE}permissions.allow_all = true`,
    ).diagnostics;
    expect(diagnostic).toMatchObject({ code: "duplicate-cache-id", path: ["caches", 1, "id"] });
    expect(diagnostic?.message).toContain("caches[0]");
  });

  it("reports all problems together", () => {
    const text = `
      [security]
      max_hook_timeout_seconds = "long"
      [[caches]]
      id = "bad id"
      cache_type = "nix-copy"
      destination = "ssh://host"
      credentials = { vault = { address = "nope" } }
      permissions = { allowed_repos = ["no-slash"] }
      [[caches]]
      destination = "x"`;
    expect(codes(text).sort()).toEqual(
      [
        "invalid-type",
        "invalid-cache-id",
        "invalid-destination",
        "invalid-value",
        "missing-key",
        "ambiguous-permissions",
        "invalid-pattern",
        "missing-key",
        "missing-key",
        "missing-key",
        "unrestricted-permissions",
      ].sort(),
    );
  });

  it("throws one error with all diagnostics", () => {
    const parse = () => parseServerConfig(CACHE.replace("one", "a/b").replace("cachix", "s3"));
    expect(parse).toThrow(ConfigError);
    try {
      parse();
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_CONFIG_INVALID" });
      expect(error).not.toHaveProperty("cause");
      expect((error as ConfigError).diagnostics).toHaveLength(3);
    }
  });

  it("gives line and column of a syntax error", () => {
    const [diagnostic] = safeParseServerConfig("a = 1\n  b = = 2\n", { source: "x.toml" }).diagnostics;
    expect(diagnostic?.range?.start).toEqual({ line: 2, column: 7, offset: 12 });
    expect(diagnostic && formatDiagnostic(diagnostic)).toMatch(/^x\.toml:2:7: error\[toml-syntax\]: /u);
  });

  it("gives line and column of a key defined twice", () => {
    const [diagnostic] = safeParseServerConfig("a = 1\r\nb = 2\r\na = 3\r\n").diagnostics;
    expect(diagnostic?.range?.start).toEqual({ line: 3, column: 1, offset: 14 });
  });

  it("never repeats a value", () => {
    const canary = "canary-4f1d9c";
    const texts = [
      `${CACHE}permissions = "${canary}"`,
      `${CACHE.replace('"none"', `{ env = { vars = ["${canary}"] } }`)}`,
      `${CACHE.replace('destination = "one"', `destination = "https://user:${canary}@host"`)}`,
      `${CACHE.replace('"cachix"', `"${canary}"`)}`,
      `${CACHE.replace('id = "one"', `id = "${canary}/"`)}`,
      `[security]\naudit_hooks = "${canary}"`,
      `a = "${canary}`,
      `a = "x" ${canary}`,
      `a = 1\na = "${canary}"`,
      `${CACHE.replace('"cachix"', '"nix-copy"').replace('destination = "one"', `destination = "s3://bucket?secret-key=${canary}"`)}`,
    ];
    for (const text of texts) {
      const result = safeParseServerConfig(text);
      expect(result.success, text).toBe(false);
      expect(JSON.stringify(result)).not.toContain(canary);
      expect(result.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic)).join()).not.toContain(
        canary,
      );
      expect(() => parseServerConfig(text)).not.toThrow(canary);
    }
  });

  it("is not opened by a polluted Object.prototype", () => {
    const pollution = {
      allow_all: true,
      allowAll: true,
      allowed_repos: ["*/*"],
      allow_forks: true,
      none: {},
      allow_private_cache_hosts: true,
    };
    for (const [key, value] of Object.entries(pollution)) {
      Object.defineProperty(Object.prototype, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
    try {
      expect(withPermissions('{ allowed_repos = ["a/b"] }')).toEqual(["ambiguous-permissions"]);
      expect(withPermissions("{ allow_all = false }")).toEqual(["no-repositories-allowed"]);
      expect(withCredentials("{ }")).toEqual(["invalid-credentials"]);
      const local = CACHE.replace('"cachix"', '"nix-copy"').replace(
        'destination = "one"',
        'destination = "https://127.0.0.1"',
      );
      expect(codes(`${local}permissions = { allow_all = true }`)).toEqual(["private-host"]);
      const result = safeParseServerConfig(
        `${CACHE}permissions = { allow_all = false, allowed_repos = ["a/b"] }`,
      );
      expect(result.success && Object.hasOwn(result.output.caches[0]?.permissions ?? {}, "allowForks")).toBe(
        true,
      );
      expect(result.success && result.output.caches[0]?.permissions.allowForks).toBeUndefined();
    } finally {
      for (const key of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, key);
    }
  });
});

describe("loading", () => {
  const files = {
    "/explicit.toml": "[security]\nmax_hook_timeout_seconds = 1",
    "/xdg/ekaci/ekaci.toml": "[security]\nmax_hook_timeout_seconds = 2",
    "/home/ci/.config/ekaci/ekaci.toml": "[security]\nmax_hook_timeout_seconds = 3",
  };
  const load = async (env: Record<string, string>, path?: string | URL) =>
    (await loadServerConfig(path, { runtime: createTestRuntime({ env, files }) })).security
      .maxHookTimeoutSeconds;

  it("follows the server's own rule for the file", async () => {
    expect(await load({ EKA_CI_CONFIG_FILE: "/explicit.toml", XDG_CONFIG_HOME: "/xdg" })).toBe(1);
    expect(await load({ EKA_CI_CONFIG_FILE: "", XDG_CONFIG_HOME: "/xdg" })).toBe(2);
    expect(await load({ XDG_CONFIG_HOME: "relative/xdg" })).toBe(3);
    expect(await load({})).toBe(3);
    expect(await load({ EKA_CI_CONFIG_FILE: "/other" }, "/explicit.toml")).toBe(1);
    expect(await load({}, new URL("file:///explicit.toml"))).toBe(1);
  });

  it.each([
    ["ERR_FILE_NOT_FOUND", "ERR_CONFIG_NOT_FOUND", "file-not-found"],
    ["ERR_FILE_DENIED", "ERR_CONFIG_UNREADABLE", "file-unreadable"],
    ["ERR_FILE_NOT_REGULAR", "ERR_CONFIG_UNREADABLE", "file-unreadable"],
    ["ERR_FILE_TOO_LARGE", "ERR_CONFIG_INVALID", "input-too-large"],
  ] as const)("tells %s as %s", async (fileError, code, diagnostic) => {
    const runtime = createTestRuntime({ files: { "/x.toml": { error: fileError } } });
    await expect(loadServerConfig("/x.toml", { runtime })).rejects.toMatchObject({
      name: "ConfigError",
      code,
      diagnostics: [{ code: diagnostic, source: "/x.toml" }],
    });
  });

  it("hands out warnings", async () => {
    const seen: DiagnosticCode[] = [];
    const runtime = createTestRuntime({ files: { "/x.toml": CACHE } });
    await loadServerConfig("/x.toml", { runtime, onDiagnostic: ({ code }) => seen.push(code) });
    expect(seen).toEqual(["unrestricted-permissions"]);
  });
});

it.each([
  ["cachix", "acme", "jobs = 5", ["invalid-value"]],
  ["nix-copy", "s3://bucket", "ignore_upstream = true", ["invalid-value"]],
  ["attic", "https://attic.example.com/c", "jobs = 0", ["invalid-value"]],
  ["attic", "https://attic.example.com/c", "jobs = 65", ["invalid-value"]],
  ["attic", "https://attic.example.com/c", "jobs = 2.5", ["invalid-type"]],
  ["attic", "https://attic.example.com/c", 'jobs = "5"', ["invalid-type"]],
  ["attic", "https://attic.example.com/c", "jobs = 64", []],
  ["cachix", "acme", 'upstream_keys = ["cache.nixos.org-1"]', []],
  ["cachix", "acme", "upstream_keys = []", []],
  ["cachix", "acme", 'upstream_keys = ["cache.nixos.org-1:AAAA="]', ["invalid-value"]],
  ["nix-copy", "s3://bucket", 'upstream_keys = ["cache.nixos.org-1"]', ["invalid-value"]],
  [
    "attic",
    "https://attic.example.com/c",
    'ignore_upstream = true\nupstream_keys = ["a-1"]',
    ["invalid-value"],
  ],
  ["cachix", "acme", 'host = "https://cachix.example.com"', []],
  ["cachix", "acme", 'host = "https://cachix.example.com:8443"', []],
  ["cachix", "acme", 'host = "https://cachix.example.com/api"', ["invalid-value"]],
  ["cachix", "acme", 'host = "http://cachix.example.com"', ["invalid-value"]],
  ["cachix", "acme", 'host = "https://127.0.0.1"', ["private-host"]],
  ["cachix", "acme", 'host = "cachix.example.com"', ["invalid-value"]],
  ["cachix", "acme", 'host = "https://198.51.100.7"', ["invalid-value"]],
  ["cachix", "acme", 'host = "https://[2001:db8::1]"', ["invalid-value"]],
  ["attic", "https://attic.example.com/c", 'host = "https://cachix.example.com"', ["invalid-value"]],
  ["nix-copy", "s3://bucket", 'substituter = "https://cache.example.org/x"', []],
  ["nix-copy", "s3://bucket", 'substituter = "https://cache.example.org?x=1"', ["invalid-value"]],
  ["nix-copy", "s3://bucket", 'substituter = "https://127.0.0.1"', ["private-host"]],
  ["nix-copy", "s3://bucket", 'substituter = "s3://other"', ["invalid-value"]],
])("a cache of the type %s at %s with %s is %j", (type, destination, line, codes) => {
  const { diagnostics } = safeParseServerConfig(`
    [[caches]]
    id = "one"
    cache_type = "${type}"
    destination = "${destination}"
    credentials = "none"
    permissions = { allow_all = true }
    ${line}`);
  expect(diagnostics.map(({ code }) => code)).toEqual(codes);
});

it.each([
  ['{ approle = { role_id = "r" } }', []],
  ['{ approle = { role_id = "r", secret_id_file = "/run/x", mount = "ci/roles" } }', []],
  ['{ kubernetes = { role = "ci" } }', []],
  ['{ jwt = { role = "ci", token_file = "/run/x" } }', []],
  ['{ approle = { role_id = "r", secret_id = "hvs.1234567890" } }', ["inline-secret"]],
  ['{ approle = { role_id = "r", secret_id_env = "A", secret_id_file = "/run/x" } }', ["invalid-value"]],
  ['{ jwt = { role = "ci", token_env = "A", token_file = "/run/x" } }', ["invalid-value"]],
  ['{ approle = { role_id = "r" }, jwt = { role = "ci" } }', ["invalid-value"]],
  ["{}", ["invalid-value"]],
  ["{ ldap = {} }", ["unknown-key"]],
  ["{ approle = {} }", ["missing-key"]],
  ['{ kubernetes = { role = "ci", mount = "../sys" } }', ["invalid-value"]],
  ['{ kubernetes = { role = "ci" } }, token_env = "VAULT_TOKEN"', ["invalid-value"]],
  ['{ kubernetes = { role = "ci" } }, tls_server_name = "vault.internal"', []],
  ['{ kubernetes = { role = "ci" } }, tls_server_name = "a/b"', ["invalid-value"]],
])("a Vault with auth = %s is %j", (auth, codes) => {
  const { diagnostics } = safeParseServerConfig(`
    [[caches]]
    id = "one"
    cache_type = "nix-copy"
    destination = "https://cache.example.org"
    credentials = { vault = { address = "https://vault.example.org", secret_path = "secret/x", auth = ${auth} } }
    permissions = { allow_all = true }`);
  expect(diagnostics.map(({ code }) => code)).toEqual(codes);
});

it("a login to Vault has the defaults that the guide names", () => {
  const authOf = (auth: string) => {
    const { caches } = parseServerConfig(`
      [[caches]]
      id = "one"
      cache_type = "nix-copy"
      destination = "https://cache.example.org"
      credentials = { vault = { address = "https://vault.example.org", secret_path = "secret/x", auth = ${auth} } }`);
    const [cache] = caches;
    return cache?.credentials.type === "vault" ? cache.credentials.auth : undefined;
  };
  expect(authOf('{ approle = { role_id = "r" } }')).toEqual({
    ...{ method: "approle", roleId: "r", secretIdEnv: "VAULT_SECRET_ID", mount: "approle" },
  });
  expect(authOf('{ kubernetes = { role = "ci" } }')).toEqual({
    ...{ method: "kubernetes", role: "ci", mount: "kubernetes" },
    tokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
  });
  expect(authOf('{ jwt = { role = "ci" } }')).toEqual({
    ...{ method: "jwt", role: "ci", tokenEnv: "VAULT_JWT", mount: "jwt" },
  });
});

it.each<[size: string, bytes: number | undefined, codes: readonly string[]]>([
  ['"1 GiB"', 2 ** 30, []],
  ['"1 MiB"', 2 ** 20, []],
  ['"2GB"', 2e9, []],
  ['"1 MB"', undefined, ["invalid-value"]],
  ['"lots"', undefined, ["invalid-value"]],
  ['"999999999 TiB"', undefined, ["invalid-value"]],
  ["1048576", undefined, ["invalid-type"]],
])("staging_size = %s is %s bytes", (size, bytes, codes) => {
  const result = safeParseServerConfig(`
    [[caches]]
    id = "one"
    cache_type = "nix-copy"
    destination = "https://cache.example.org"
    staging_size = ${size}
    credentials = "none"
    permissions = { allow_all = true }`);
  expect(result.diagnostics.map(({ code }) => code)).toEqual(codes);
  expect(result.success ? result.output.caches[0]?.stagingBytes : undefined).toBe(bytes);
});

it("staging_size belongs to caches that nix can push to", () => {
  const { diagnostics } = safeParseServerConfig(`
    [[caches]]
    id = "one"
    cache_type = "cachix"
    destination = "one"
    staging_size = "1 GiB"
    credentials = { cachix-token = { env_var = "TOKEN" } }
    permissions = { allow_all = true }`);
  expect(diagnostics).toMatchObject([{ code: "invalid-value", path: ["caches", 0, "staging_size"] }]);
});
