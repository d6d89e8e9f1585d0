import { ConfigError, parseRepositoryConfig, parseServerConfig, safeParseServerConfig } from "@eka-ci/caches";
import { type HookMigration, type MigrateHooksOptions, migrateHooks } from "@eka-ci/caches/migration";
import fc from "fast-check";
import * as toml from "toml";
import { describe, expect, it } from "vitest";
import { readFixture } from "../support/fixture.ts";

const migrate = (hook: unknown, options?: MigrateHooksOptions): HookMigration =>
  migrateHooks(JSON.stringify({ jobs: { a: { post_build_hooks: [hook] } } }), options);

const cachesOf = ({ serverToml }: HookMigration): unknown =>
  (toml.parse(serverToml) as { caches?: unknown }).caches;

const codesOf = ({ findings }: HookMigration): string[] => findings.map(({ code }) => code);

const REPOSITORY = { repository: "acme/site" };

describe("the migration of the guide", () => {
  const before = readFixture("config/repository/migration-before.json");
  const result = migrateHooks(before, REPOSITORY);

  it("gives the operator the cache of the guide, open to this repository alone", () => {
    expect(
      cachesOf(
        migrate(
          {
            command: ["nix", "copy", "--to", "s3://bucket/path"],
            env: { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" },
          },
          REPOSITORY,
        ),
      ),
    ).toEqual([
      {
        id: "s3-cache",
        cache_type: "nix-copy",
        destination: "s3://bucket/path?region=us-east-1",
        credentials: { env: { vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } },
        permissions: { allow_all: false, allowed_repos: ["acme/site"] },
      },
    ]);
  });

  it("loads on the server, without a warning", () => {
    expect(safeParseServerConfig(result.serverToml)).toMatchObject({ success: true, diagnostics: [] });
  });

  it("gives the repository a file that names the cache, and runs nothing", () => {
    const after = parseRepositoryConfig(result.repositoryJson, { onDiagnostic: () => expect.unreachable() });
    const [cache] = parseServerConfig(result.serverToml).caches;
    expect(after.jobs.get("site")?.caches).toEqual([cache?.id]);
  });

  it("names hard-coded credentials, and never repeats them", () => {
    expect(codesOf(result)).toEqual(["hard-coded-credential", "hard-coded-credential"]);
    expect(result.findings.map(({ message }) => message.split(" ")[0])).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
    ]);
    for (const { hint, severity } of result.findings)
      expect([severity, hint]).toEqual(["error", expect.stringContaining("Rotate")]);
    expect(before).toContain("canary");
    expect(JSON.stringify(result)).not.toContain("canary");
  });
});

describe("recognised commands", () => {
  const S3 = {
    cache_type: "nix-copy",
    credentials: { env: { vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } },
  };
  const CACHIX = { cache_type: "cachix", credentials: { "cachix-token": { env_var: "CACHIX_AUTH_TOKEN" } } };
  const ATTIC = { cache_type: "attic", credentials: { env: { vars: ["ATTIC_TOKEN"] } } };
  const atticServers = { ci: "https://attic.acme.example/", default: "https://cache.acme.example/attic" };

  it.each<[command: readonly string[] | string, expected: object]>([
    [
      ["nix", "copy", "--to", "s3://b-1?region=eu-west-1", "$OUT_PATHS"],
      { ...S3, destination: "s3://b-1?region=eu-west-1" },
    ],
    [
      [
        "/run/current-system/sw/bin/nix",
        "--extra-experimental-features",
        "nix-command",
        "copy",
        "--to",
        "s3://b-1",
      ],
      { ...S3, destination: "s3://b-1?region=us-east-1" },
    ],
    [
      ["nix", "copy", "--to", "s3://b-1?secret-key=/etc/key&region=x"],
      { ...S3, destination: "s3://b-1?region=x" },
    ],
    [
      ["nix", "copy", "--to", "s3://b-1?profile=live"],
      { ...S3, destination: "s3://b-1?profile=live", credentials: { "aws-profile": { profile: "live" } } },
    ],
    [
      ["env", "AWS_PROFILE=live", "AWS_REGION=eu-west-1", "nix", "copy", "--to", "s3://b-1"],
      {
        ...S3,
        destination: "s3://b-1?region=eu-west-1",
        credentials: { "aws-profile": { profile: "live" } },
      },
    ],
    [
      ["nix", "copy", "--to", "https://cache.example.com", "./result"],
      { ...S3, destination: "https://cache.example.com", credentials: { none: {} } },
    ],
    [
      ["nix", "copy", "--to", "https://u:p@cache.example.com"],
      {
        ...S3,
        destination: "https://cache.example.com",
        credentials: { env: { vars: ["HTTP_USERNAME", "HTTP_PASSWORD"] } },
      },
    ],
    [["cachix", "push", "acme"], { ...CACHIX, destination: "acme" }],
    [
      ["cachix", "--verbose", "push", "--jobs=4", "--compression-level", "9", "acme", "./result"],
      { ...CACHIX, destination: "acme" },
    ],
    [["attic", "push", "ci:team", "./result"], { ...ATTIC, destination: "https://attic.acme.example/team" }],
    [
      ["attic", "push", "-j", "3", "team"],
      { ...ATTIC, destination: "https://cache.acme.example/attic/team" },
    ],
    [["bash", "-c", "cachix push acme $OUT_PATHS"], { ...CACHIX, destination: "acme" }],
    [
      ["/bin/sh", "-euc", 'set -x # trace\nexport NAME="acme"\nexec cachix push "acme" "$@"'],
      { ...CACHIX, destination: "acme" },
    ],
    [
      "nix copy --to 's3://b-1?region=eu-west-1' $OUT_PATHS",
      { ...S3, destination: "s3://b-1?region=eu-west-1" },
    ],
    [
      "A=1; nix copy --to s3://b-1/nix \\\n  $OUT_PATHS",
      { ...S3, destination: "s3://b-1/nix?region=us-east-1" },
    ],
  ])("%j", (command, expected) => {
    const result = migrate({ command }, { ...REPOSITORY, atticServers });
    expect(cachesOf(result)).toMatchObject([expected]);
    expect(codesOf(result)).not.toContain("untranslatable-command");
    expect(safeParseServerConfig(result.serverToml).success).toBe(true);
  });

  it.each<[name: string, command: unknown]>([
    ["another program", ["curl", "-T", "x", "https://host"]],
    ["a copy to another machine", ["nix-copy-closure", "--to", "host", "x"]],
    ["a copy from somewhere", ["nix", "copy", "--from", "https://a", "--to", "https://b"]],
    ["a copy to nowhere", ["nix", "copy", "--all"]],
    ["another command of nix", ["nix", "build", "--to", "https://b"]],
    ["an ssh store", ["nix", "copy", "--to", "ssh://host"]],
    ["a local store", ["nix", "copy", "--to", "/tmp/store"]],
    ["a destination that a variable names", ["nix", "copy", "--to", "s3://$BUCKET"]],
    ["another command of cachix", ["cachix", "watch-exec", "acme", "--", "nix-build"]],
    ["another cachix server", ["cachix", "--hostname", "https://h", "push", "acme"]],
    ["a cachix configuration that may name a server", ["cachix", "--config", "/etc/x.dhall", "push", "acme"]],
    ["another cachix server, attached", ["cachix", "push", "acme", "--hostname=https://h"]],
    ["another cachix server, attached to a letter", ["cachix", "push", "acme", "-hhttps://h"]],
    ["an option that nobody knows", ["nix", "copy", "--to", "https://h", "--frobnicate"]],
    ["two queries", ["nix", "copy", "--to", "s3://b-1?region=x?endpoint=https://y"]],
    ["a profile that a variable names", ["env", "AWS_PROFILE=$P", "nix", "copy", "--to", "s3://b-1"]],
    [
      "an endpoint with a parameter",
      ["env", "AWS_ENDPOINT_URL=https://m&scheme=http", "nix", "copy", "--to", "s3://b-1"],
    ],
    ["a name that a variable holds", "export N=acme; cachix push $N"],
    ["a cachix push of nothing", ["cachix", "push"]],
    ["a cachix name that is none", ["cachix", "push", "Not A Name"]],
    ["an attic login", ["attic", "login", "ci", "https://h", "token"]],
    ["a pipe", "nix path-info x | cachix push acme"],
    ["a substitution", "cachix push acme $(readlink result)"],
    ["a backtick", "cachix push acme `readlink result`"],
    ["a redirection", "cachix push acme < paths"],
    ["a background job", "cachix push acme &"],
    ["a loop", "for p in $OUT_PATHS; do cachix push acme $p; done"],
    ["an unclosed quote", "cachix push 'acme"],
    ["two commands of which one is unknown", "cachix push acme && rm -rf /"],
    ["nothing", []],
    ["a number", 7],
    ["a list of numbers", [7]],
  ])("leaves %s to the operator", (_name, command) => {
    const result = migrate({ command }, REPOSITORY);
    expect(codesOf(result)).toContain("untranslatable-command");
    expect(result.serverToml).toBe("");
    expect(JSON.parse(result.repositoryJson)).toEqual({ jobs: { a: {} } });
  });

  it("makes a file that does not load until the address of an attic server is written", () => {
    const result = migrate({ command: ["attic", "push", "ci:team"] }, REPOSITORY);
    expect(codesOf(result)).toEqual(["incomplete-migration"]);
    expect(safeParseServerConfig(result.serverToml)).toMatchObject({
      success: false,
      diagnostics: [{ code: "invalid-destination" }],
    });
  });

  it.each([
    ["no credentials", { command: ["nix", "copy", "--to", "s3://b-1"] }],
    [
      "a signing key",
      { command: ["nix", "copy", "--to", "s3://b-1?secret-key=/k"], env: { AWS_ACCESS_KEY_ID: "$X" } },
    ],
    ["a netrc file", { command: ["nix", "--netrc-file", "/n", "copy", "--to", "https://h"] }],
    ["a private host", { command: ["nix", "copy", "--to", "http://10.0.0.1"] }],
    ["the whole store", { command: ["nix", "copy", "--all", "--to", "https://h"] }],
  ])("says what is to complete for a hook with %s", (_name, hook) => {
    expect(codesOf(migrate(hook, REPOSITORY))).toEqual(["incomplete-migration"]);
  });

  it("admits nobody until the operator names repositories", () => {
    const result = migrate({ command: ["cachix", "push", "acme"] });
    expect(codesOf(result)).toEqual(["incomplete-migration"]);
    const { diagnostics } = safeParseServerConfig(result.serverToml);
    expect(diagnostics.map(({ code }) => code)).toEqual(["no-repositories-allowed"]);
  });
});

describe("the files of a migration", () => {
  const push = (name: string) => ({ command: ["cachix", "push", name] });

  it("define each cache once, under an id that is free", () => {
    const text = JSON.stringify({
      jobs: { a: { post_build_hooks: [push("x"), push("y")] }, b: { post_build_hooks: [push("x")] } },
    });
    const serverConfig = parseServerConfig(
      '[[caches]]\nid = "cachix-cache"\ncache_type = "cachix"\ndestination = "z"\ncredentials = "none"\npermissions.allow_all = true',
    );
    const result = migrateHooks(text, { ...REPOSITORY, serverConfig });
    expect(cachesOf(result)).toMatchObject([
      { id: "cachix-cache-2", destination: "x" },
      { id: "cachix-cache-3", destination: "y" },
    ]);
    expect(JSON.parse(result.repositoryJson)).toEqual({
      jobs: { a: { caches: ["cachix-cache-2", "cachix-cache-3"] }, b: { caches: ["cachix-cache-2"] } },
    });
  });

  it("name the cache that the server has already", () => {
    const serverConfig = parseServerConfig(
      '[[caches]]\nid = "acme"\ncache_type = "cachix"\ndestination = "x"\ncredentials = "none"\npermissions.allow_all = true',
    );
    const result = migrate(push("x"), { serverConfig });
    expect(result).toMatchObject({ serverToml: "", findings: [] });
    expect(JSON.parse(result.repositoryJson)).toEqual({ jobs: { a: { caches: ["acme"] } } });
  });

  it.each<[name: string, before: string, after: string]>([
    [
      "spaces and order",
      '{\r\n\t"jobs": {"a": {\r\n\t\t"post_build_hooks": [X],\r\n\t\t"file": "x" }}}\n',
      '{\r\n\t"jobs": {"a": {\r\n\t\t"caches": ["cachix-cache"],\r\n\t\t"file": "x" }}}\n',
    ],
    [
      "numbers of any size",
      '{"n": 12345678901234567890, "jobs": {"a": {"post_build_hooks": [X], "e": 1e400}}}',
      '{"n": 12345678901234567890, "jobs": {"a": {"caches": ["cachix-cache"], "e": 1e400}}}',
    ],
    [
      "caches that a job names already",
      '{"jobs": {"a": {"caches": ["b"], "post_build_hooks": [X]}}}',
      '{"jobs": {"a": {"caches": ["b", "cachix-cache"]}}}',
    ],
    [
      "a list behind the hooks",
      '{"jobs": {"a": {"post_build_hooks": [X], "x": 1, "caches": ["cachix-cache"]}}}',
      '{"jobs": {"a": {"x": 1, "caches": ["cachix-cache"]}}}',
    ],
    [
      "both kinds of hooks",
      '{"jobs": {"a": {"fod_post_build_hooks": [X], "post_build_hooks": [X]}}}',
      '{"jobs": {"a": {"caches": ["cachix-cache"]}}}',
    ],
    [
      "empty hooks",
      '{"jobs": {"a": {"post_build_hooks": []}, "b": {"x": 1, "fod_post_build_hooks": []}}}',
      '{"jobs": {"a": {}, "b": {"x": 1}}}',
    ],
    ["hooks beside the jobs", '{"post_build_hooks": [X], "jobs": {"a": {}}}', '{"jobs": {"a": {}}}'],
    [
      "names like __proto__",
      '{"jobs": {"__proto__": {"post_build_hooks": [X], "constructor": {}}}}',
      '{"jobs": {"__proto__": {"caches": ["cachix-cache"], "constructor": {}}}}',
    ],
    [
      "hooks that are none of ours",
      '{"checks": {"post_build_hooks": [1]}, "jobs": {"a": {"b": {"post_build_hooks": [1]}}}}',
      '{"checks": {"post_build_hooks": [1]}, "jobs": {"a": {"b": {"post_build_hooks": [1]}}}}',
    ],
    [
      "a byte order mark",
      '\ufeff{"jobs": {"a": {"post_build_hooks": [X]}}}',
      '{"jobs": {"a": {"caches": ["cachix-cache"]}}}',
    ],
  ])("keep %s", (_name, before, after) => {
    expect(migrateHooks(before.replaceAll("X", JSON.stringify(push("x"))), REPOSITORY).repositoryJson).toBe(
      after,
    );
  });

  it("leave a file without hooks as it is", () => {
    const text = readFixture("config/repository/two-jobs.json");
    expect(migrateHooks(text)).toEqual({ serverToml: "", repositoryJson: text, findings: [] });
  });

  it("say that a hook ran for more or for less than the cache gets", () => {
    const text = JSON.stringify({
      post_build_hooks: [push("x")],
      jobs: { a: { fod_post_build_hooks: [push("x")] } },
    });
    expect(codesOf(migrateHooks(text, REPOSITORY))).toEqual(["incomplete-migration", "incomplete-migration"]);
  });

  it.each(["[]", "{", '{"a": 1, "a": 2}', "\ud800"])("are not made of %j", (text) => {
    expect(() => migrateHooks(text)).toThrow(ConfigError);
  });

  it("are not made for a repository that has no full name", () => {
    expect(() => migrateHooks("{}", { repository: "x\ny" })).toThrow(TypeError);
  });
});

describe("several pushes of one hook", () => {
  it.each<[script: string, destinations: string[]]>([
    [
      "nix copy --to s3://a-1 && AWS_ENDPOINT_URL=https://m.example nix copy --to s3://b-1",
      ["s3://a-1?region=us-east-1", "s3://b-1?region=us-east-1&endpoint=https%3A%2F%2Fm.example"],
    ],
    [
      "AWS_REGION=eu-west-1 nix copy --to s3://a-1; AWS_REGION=ap-south-1 nix copy --to s3://b-1",
      ["s3://a-1?region=eu-west-1", "s3://b-1?region=ap-south-1"],
    ],
    [
      "export AWS_REGION=eu-west-1; nix copy --to s3://a-1; nix copy --to s3://b-1",
      ["s3://a-1?region=eu-west-1", "s3://b-1?region=eu-west-1"],
    ],
    ["exec nix copy --to s3://a-1; nix copy --to s3://b-1", ["s3://a-1?region=us-east-1"]],
  ])("each see their own variables: %s", (script, destinations) => {
    const result = migrate({ command: script, env: { AWS_ACCESS_KEY_ID: "$A" } }, REPOSITORY);
    expect(cachesOf(result)).toMatchObject(destinations.map((destination) => ({ destination })));
  });

  it("are two caches where their credentials differ", () => {
    const result = migrate(
      { command: "AWS_PROFILE=dev nix copy --to s3://a-1; AWS_PROFILE=prod nix copy --to s3://a-1" },
      REPOSITORY,
    );
    expect(cachesOf(result)).toMatchObject([
      { id: "s3-cache", credentials: { "aws-profile": { profile: "dev" } } },
      { id: "s3-cache-2", credentials: { "aws-profile": { profile: "prod" } } },
    ]);
  });
});

describe("what a migration cannot do by itself is said", () => {
  it.each<[name: string, text: string]>([
    ["caches that are no list", '{"jobs": {"a": {"caches": "old", "post_build_hooks": ["cachix push x"]}}}'],
    [
      "more caches than a job may name",
      JSON.stringify({
        jobs: {
          a: { post_build_hooks: Array.from({ length: 65 }, (_hook, index) => `cachix push c${index}`) },
        },
      }),
    ],
  ])("of %s", (_name, text) => {
    expect(codesOf(migrateHooks(text, REPOSITORY))).toEqual(["incomplete-migration"]);
  });

  it("of a cache of the server that does not admit the repository", () => {
    const serverConfig = parseServerConfig(
      '[[caches]]\nid = "prod"\ncache_type = "cachix"\ndestination = "x"\ncredentials = "none"\npermissions = { allow_all = false, allowed_repos = ["o/p"] }',
    );
    const { findings } = migrate({ command: "cachix push x" }, { ...REPOSITORY, serverConfig });
    expect(findings).toMatchObject([
      { code: "incomplete-migration", message: expect.stringContaining("repository-not-allowed") },
    ]);
    expect(migrate({ command: "cachix push x" }, { repository: "o/p", serverConfig }).findings).toEqual([]);
  });
});

it("a hostile hook takes bounded time and memory", () => {
  const commands = [
    "env ".repeat(60_000),
    "A=1 ".repeat(60_000),
    ["a".repeat(250_000)],
    ["cachix", "push", "$A".repeat(60_000)],
  ];
  for (const command of commands) {
    const text = JSON.stringify({ post_build_hooks: [{ command, env: { A: "b" } }] });
    expect(migrateHooks(text, REPOSITORY).serverToml).toBe("");
  }
  const many = JSON.stringify({
    post_build_hooks: Array.from({ length: 12_000 }, (_hook, index) => `cachix push a${index}`),
  });
  expect(migrateHooks(many, REPOSITORY).serverToml).toContain('id = "cachix-cache-12000"');
});

describe("credentials in hooks", () => {
  const CANARY = "canary-4f1d9c";
  const KEY_ID = "AKIAIOSFODNN7EXAMPLE";

  it.each<[name: string, hook: unknown]>([
    ["a variable", { command: ["cachix", "push", "x"], env: { CACHIX_AUTH_TOKEN: CANARY } }],
    ["a variable named for it", { command: ["cachix", "push", "x"], env: { DEPLOY_PASSWORD: CANARY } }],
    [
      "a variable that holds one",
      { command: ["cachix", "push", "x"], env: { X: `ghp_${"canary4f1d9c".repeat(2)}` } },
    ],
    ["a URL in a variable", { command: ["cachix", "push", "x"], env: { X: `https://u:${CANARY}@h` } }],
    ["a URL", { command: ["nix", "copy", "--to", `https://u:${CANARY}@h`] }],
    ["an assignment", { command: ["env", `ATTIC_TOKEN=${CANARY}`, "attic", "push", "ci:x"] }],
    ["an assignment in a script", { command: `export CACHIX_AUTH_TOKEN=${CANARY}\ncachix push x` }],
    [
      "an assignment in a script that cannot be read",
      { command: `CACHIX_AUTH_TOKEN="${CANARY}" cachix push x | cat` },
    ],
    ["a login", { command: ["cachix", "authtoken", CANARY] }],
    ["an option", { command: ["upload", "--token", CANARY] }],
    ["a key id in a destination", { command: ["nix", "copy", "--to", `https://h/${KEY_ID}`] }],
    ["a key id as a profile", { command: ["nix", "copy", "--to", `s3://bucket?profile=${KEY_ID}`] }],
    [
      "a variable that the command names",
      { command: `nix copy --to https://h/$UPLOAD_TOKEN`, env: { UPLOAD_TOKEN: CANARY } },
    ],
    ["a token as the name of a server", { command: ["attic", "push", `ghp_${"canary4f1d9c".repeat(2)}:x`] }],
    ["the login of attic", { command: ["attic", "login", "ci", "https://h", CANARY] }],
    ["a comment", { command: `cachix push x # ghp_${"canary4f1d9c".repeat(2)}` }],
    ["a list of variables", { command: ["cachix", "push", "x"], env: [`AWS_SECRET_ACCESS_KEY=${CANARY}`] }],
    ["a number", { command: ["cachix", "push", "x"], env: { A_PASSWORD: 41_907_442 } }],
    [
      "another key of the hook",
      { command: ["cachix", "push", "x"], token: `ghp_${"canary4f1d9c".repeat(2)}` },
    ],
    ["an endpoint", { command: ["nix", "copy", "--to", `s3://bucket?endpoint=https://u:${CANARY}@h`] }],
  ])("are found in %s, and repeated nowhere", (_name, hook) => {
    const result = migrate(hook, { ...REPOSITORY, atticServers: { ci: "https://h" } });
    expect(codesOf(result)).toContain("hard-coded-credential");
    expect(JSON.stringify(result)).not.toMatch(/canary|4f1d9c|IOSFODNN7|41907442/u);
  });

  it.each([
    ["a reference", { command: ["cachix", "push", "x"], env: { CACHIX_AUTH_TOKEN: "$TOKEN" } }],
    [
      "a reference in braces",
      { command: ["cachix", "push", "x"], env: { CACHIX_AUTH_TOKEN: ["$", "{TOKEN}"].join("") } },
    ],
    ["an empty variable", { command: ["cachix", "push", "x"], env: { CACHIX_AUTH_TOKEN: "" } }],
    ["a plain variable", { command: ["cachix", "push", "x"], env: { LANG: "C" } }],
    ["an assignment of a reference", { command: 'CACHIX_AUTH_TOKEN="$TOKEN" cachix push x' }],
  ])("are not seen in %s", (_name, hook) => {
    expect(codesOf(migrate(hook, REPOSITORY))).toEqual([]);
  });

  it("are found beside the hooks too, where they stay", () => {
    const text = JSON.stringify({
      jobs: { a: { env: { T: `ghp_${"x".repeat(30)}` }, AWS_SECRET_ACCESS_KEY: "y" } },
    });
    expect(codesOf(migrateHooks(text))).toEqual(["hard-coded-credential", "hard-coded-credential"]);
  });

  it("of any kind end in JSON and TOML, or in findings, and appear in neither", () => {
    const word = fc.oneof(
      fc.constantFrom(
        "nix",
        "copy",
        "--to",
        "cachix",
        "push",
        "attic",
        "env",
        "sh",
        "-c",
        "s3://bucket",
        "https://h",
        ";",
        "&&",
        "'",
        '"',
        "$X",
        "\\",
      ),
      fc.string({ unit: "binary", maxLength: 6 }),
    );
    const command = fc.oneof(
      fc.array(word, { maxLength: 8 }),
      fc.array(word, { maxLength: 8 }).map((words) => words.join(" ")),
    );
    const hook = fc.record({
      command,
      env: fc.dictionary(fc.constantFrom("ATTIC_TOKEN", "AWS_REGION", "X"), word, { maxKeys: 3 }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(hook, command, fc.jsonValue()), { maxLength: 3 }), (hooks) => {
        const marked = hooks.map((value) =>
          typeof value === "object" && value !== null && "env" in value
            ? { ...value, env: { ...(value.env as object), A_TOKEN: CANARY } }
            : value,
        );
        const result = migrateHooks(
          JSON.stringify({ jobs: { a: { post_build_hooks: marked } } }),
          REPOSITORY,
        );
        expect(JSON.stringify(result)).not.toContain(CANARY);
        expect(Object.keys(JSON.parse(result.repositoryJson).jobs.a)).not.toContain("post_build_hooks");
        expect(safeParseServerConfig(result.serverToml).success).toBe(
          !result.serverToml.includes("<address"),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
