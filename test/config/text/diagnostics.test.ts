import {
  type Diagnostic,
  formatDiagnostic,
  type SafeParseResult,
  safeParseRepositoryConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFixture } from "../../support/fixture.ts";

const STYLES = ["line", "frame", "annotation"] as const;

const print = (result: SafeParseResult<unknown>, style: (typeof STYLES)[number]): string =>
  result.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, { style })).join("\n\n");

const CACHE =
  'cache_type = "cachix"\ndestination = "one"\ncredentials = "none"\npermissions.allow_all = true\n';

/** Takes `<<` and `>>` off a text: between them is the place that the first diagnostic must point at. */
const unmark = (marked: string) => {
  const start = marked.indexOf("<<");
  const text = marked.replace("<<", "").replace(">>", "");
  return { text, start, end: marked.indexOf(">>") - 2 };
};

const expectPlace = (
  marked: string,
  code: string,
  parse: (text: string) => SafeParseResult<unknown>,
): void => {
  const { text, start, end } = unmark(marked);
  const found = parse(text).diagnostics.filter((diagnostic) => diagnostic.code === code);
  const places = found.map(({ range }) => [range?.start.offset, range?.end.offset]);
  expect(places).toContainEqual([start, end]);
};

describe("a file with ten mistakes", () => {
  it.each(STYLES)("of the server, in the style %s", async (style) => {
    const result = safeParseServerConfig(readFixture("config/invalid/ten-mistakes.toml"), {
      source: "ekaci.toml",
    });
    expect(result.diagnostics).toHaveLength(10);
    await expect(`${print(result, style)}\n`).toMatchFileSnapshot(
      `../../fixtures/diagnostics/ten-mistakes.toml.${style}.txt`,
    );
  });

  it.each(STYLES)("of a repository, in the style %s", async (style) => {
    const result = safeParseRepositoryConfig(readFixture("config/invalid/ten-mistakes.json"));
    expect(result.diagnostics).toHaveLength(10);
    await expect(`${print(result, style)}\n`).toMatchFileSnapshot(
      `../../fixtures/diagnostics/ten-mistakes.json.${style}.txt`,
    );
  });

  it("gives each a code, a place, what is wrong and what to write instead", () => {
    for (const diagnostic of [
      ...safeParseServerConfig(readFixture("config/invalid/ten-mistakes.toml")).diagnostics,
      ...safeParseRepositoryConfig(readFixture("config/invalid/ten-mistakes.json")).diagnostics,
    ]) {
      expect(Object.keys(diagnostic)).toEqual([
        "code",
        "severity",
        "message",
        "source",
        "path",
        "range",
        "excerpt",
        "hint",
      ]);
      const { text = "", start = 0, length = 0 } = diagnostic.excerpt ?? {};
      expect(text.slice(start, start + length)).toHaveLength(length);
      expect(JSON.parse(JSON.stringify(diagnostic))).toEqual(diagnostic);
    }
  });
});

describe("places in TOML", () => {
  it.each<[code: string, marked: string]>([
    ["invalid-cache-id", `[[caches]]\nid = <<"a b">>\n${CACHE}`],
    ["invalid-cache-id", `[[caches]]\nid = "x"\n${CACHE}[[ caches ]]\n  id=<<''>> # empty\n${CACHE}`],
    ["unknown-key", `[[caches]]\nid = "x"\n${CACHE}<<colour>> = 1`],
    ["unknown-key", `[[caches]]\nid = "x"\n${CACHE}<<"a \\u0041 😀">> = 1`],
    ["unknown-key", `[[caches]]\nid = "x"\n${CACHE}[caches.<<colours>>]\nred = 1`],
    ["unknown-key", `[[caches]]\nid = "x"\n${CACHE}permissions . <<allow>> = 1`],
    ["unknown-key", `caches = [{ id = "x", ${CACHE.trim().replaceAll("\n", ", ")}, <<y>> = 1 }]`],
    ["missing-key", `[[<<caches>>]]\n${CACHE}`],
    ["missing-key", `[[caches]]\nid = "x"\n${CACHE}\n[[<<caches>>]]\nid = "y"`],
    ["missing-key", `caches = [ <<{ ${CACHE.trim().replaceAll("\n", ", ")} }>> ]`],
    ["missing-key", '[[caches]]\nid = "x"\n[caches.credentials.<<vault>>]\naddress = "https://v"'],
    ["invalid-type", "[[<<security>>]]\naudit_hooks = true"],
    ["invalid-type", "security = <<2020-01-01>>"],
    ["invalid-type", 'security.audit_hooks = <<"yes">>'],
    ["invalid-type", '[security]\naudit_hooks = <<"""\n"yes" """>>'],
    ["invalid-type", 'x = """\naudit_hooks = 1\n"""\n[security]\naudit_hooks = <<[\n 1, # x\n]>>'],
    ["invalid-type", "# 😀\r\n[security]\r\naudit_hooks = <<1>>\r\n"],
    ["invalid-type", "\ufeffsecurity = { audit_hooks = <<1>> }"],
    ["invalid-type", 'security = { # comment } = "\n audit_hooks = <<1979-05-27 07:32:00>> , }'],
    ["invalid-value", '[[caches]]\ncredentials = { env = { vars = ["A_TOKEN", <<"PATH">>] } }'],
    ["unknown-credential-source", "[[caches]]\ncredentials = { <<'envv'>> = {} }"],
    ["invalid-credentials", "[[caches]]\n<<credentials>> = { }"],
    ["ambiguous-permissions", "[[caches]]\n[caches.<<permissions>>]\nallow_forks = true"],
    ["unrestricted-permissions", '[[<<caches>>]]\nid = "x"'],
    ["invalid-pattern", '[[caches]]\npermissions.allowed_branches = [\n  "main",\n  <<"**">>,\n]'],
    ["duplicate-cache-id", `[[caches]]\nid = "x"\n${CACHE}[[caches]]\nid = <<"x">>`],
    ["timeout-clamped", "security.max_hook_timeout_seconds = <<0>>"],
    [
      "unknown-key",
      '[[caches]]\npermissions = { allow_all = true, allowed_repos = ["""\n""", "a/b"], <<more>> = 1 }',
    ],
    ["invalid-destination", '[[caches]]\ncache_type = "cachix"\ndestination = <<"é">>'],
    ["nesting-too-deep", "a.b.c.d.e.f.g.h.<<i>> = 1"],
    ["nesting-too-deep", "a = [[{ b.c.d.e.f.g.h.<<i>> = 1 }]]"],
    ["toml-syntax", "a = 1\nb = <<s>>3://x"],
    ["toml-syntax", "\ufeffa = <<=>> 1"],
    ["toml-syntax", "a = 1\r\n<<a>> = 2"],
    // Where an array begins, and not where the next statement stands in it.
    ["toml-syntax", "a = <<[>>\nb = 1"],
    ["toml-syntax", 'a = <<[>>\n  "x",\n[b]\nc = 1'],
    ["toml-syntax", 'a = { b = [1], c = <<[>>"]" # ]\nd = 1'],
    ["toml-syntax", "a = [\n]\nb = { c = 1\n<<d>> = 2"],
    ["invalid-encoding", 'a = "😀<<\ud800>>"'],
  ])("%s: %j", (code, marked) => {
    expectPlace(marked, code, safeParseServerConfig);
  });
});

describe("places in JSON", () => {
  it.each<[code: string, marked: string]>([
    ["invalid-type", "<<[]>>"],
    ["invalid-type", '{"jobs": <<[]>>}'],
    ["invalid-type", '{"jobs": {"a": {"caches": [<<1>>]}}}'],
    ["invalid-type", '\ufeff{"jobs":\r\n\t{"😀": <<null>>}}'],
    ["invalid-cache-id", '{"jobs": {"a": {"caches": ["x", <<"a\\u0020b">>]}}}'],
    ["too-many-caches", `{"jobs": {"a": {"caches": <<[${'"x",'.repeat(64)}"x"]>>}}}`],
    ["duplicate-cache-reference", '{"jobs": {"a": {"caches": ["x", "y", <<"x">>]}}}'],
    ["duplicate-key", '{"jobs": {"a": {}, <<"\\u0061">>: {}}}'],
    ["hooks-ignored", '{"jobs": {"a": {<<"post_build_hooks">>: [1]}}}'],
    ["inline-secret", '{"jobs": {"a": {"CACHIX_AUTH_TOKEN": <<"x">>}}}'],
    ["inline-secret", '{"jobs": {"a": {"caches": [<<"AKIAIOSFODNN7EXAMPLE">>]}}}'],
    ["json-syntax", '{"a": 1,\n "b": <<}>>'],
    ["json-syntax", '{"a": 1,<<}>>'],
    ["json-syntax", "{\"a\": <<'>>x'}"],
    ["json-syntax", "{ <</>>/ comment\n}"],
  ])("%s: %j", (code, marked) => {
    expectPlace(marked, code, safeParseRepositoryConfig);
  });

  it("finds the byte that is not UTF-8", () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('{"é😀": "\ufffd'), 0xf0, 0x9f, 0x98, 0x22]);
    const [diagnostic] = safeParseRepositoryConfig(bytes).diagnostics;
    expect(diagnostic?.range?.start).toEqual({ line: 1, column: 11, offset: 10 });
  });
});

describe("lines and columns", () => {
  it.each([
    ["count from 1", "[security]\naudit_hooks = 1", { line: 2, column: 15, offset: 25 }],
    ["count UTF-16 units", 'security = { "😀" = 1, audit_hooks = 1 }', { line: 1, column: 38, offset: 37 }],
    ["give a byte order mark no column", "\ufeffsecurity = 1", { line: 1, column: 12, offset: 12 }],
    ["count a tab once", "[security]\n\taudit_hooks = 1", { line: 2, column: 16, offset: 26 }],
    ["end lines with CRLF", "[security]\r\n\r\naudit_hooks = 1", { line: 3, column: 15, offset: 28 }],
  ])("%s", (_name, text, start) => {
    expect(safeParseServerConfig(text).diagnostics[0]?.range?.start).toEqual(start);
  });
});

describe("excerpts", () => {
  const excerptOf = (text: string) => {
    const [diagnostic] = safeParseServerConfig(text).diagnostics;
    const { text: line = "", start = 0, length = 0 } = diagnostic?.excerpt ?? {};
    return `${line}\n${" ".repeat(start)}${"^".repeat(length)}`;
  };

  it.each([
    [
      "mask values, and leave comments out",
      'security.audit_hooks = "x" # y',
      'security.audit_hooks = "***"\n                       ^^^^^',
    ],
    [
      "print what is not ASCII as a question mark",
      'security = { "😀é" = "é", audit_hooks = 1 }',
      'security = { "??" = "***", audit_hooks = *** }\n                                         ^^^',
    ],
    ["show the words of the format in a broken text", "[[caches]\nid = 1", "[[caches]\n         ^"],
    ["mask every other word of a broken text", "id = s3://bucket", "id = ***\n     ^^^"],
  ])("%s", (_name, text, expected) => {
    expect(excerptOf(text)).toBe(expected);
  });

  it("show a key behind the end of a text over several lines", () => {
    const text = '[[caches]]\npermissions = { allow_all = true, extra = """\nx""", more = 1 }';
    const frames = print(safeParseServerConfig(text), "frame");
    expect(frames).toMatch(/3 \| (\S+)more = \*\*\* \}\n {2}\| {14}\^{4}\n/u);
  });

  it("cut a long line to the surroundings of the place", () => {
    const keys = Array.from({ length: 200 }, (_key, index) => `k${index} = "v"`).join(", ");
    const [line = ""] = excerptOf(
      `security = { ${keys}, audit_hooks = 1, ${keys.replaceAll("k", "l")} }`,
    ).split("\n");
    expect(line).toMatch(/^\.\.\. .*audit_hooks = \*\*\*.* \.\.\.$/u);
    expect(line.length).toBeLessThan(160);
  });
});

describe("the annotation style", () => {
  it("escapes what would end or forge a workflow command", () => {
    const diagnostic: Diagnostic = {
      code: "unknown-key",
      severity: "warning",
      message: "50%\n::error::forged",
      source: "a,b:c%\n.toml",
      path: ["x\ny"],
      hint: "100%",
    };
    expect(formatDiagnostic(diagnostic, { style: "annotation" })).toBe(
      '::warning file=a%2Cb%3Ac%25\\u{a}.toml,title=unknown-key::50%25\\u{a}::error::forged (at "x\\u{a}y"). 100%25',
    );
  });

  it("gives no columns to a place on several lines", () => {
    const [diagnostic] = safeParseServerConfig("security = [\n]").diagnostics;
    expect(diagnostic && formatDiagnostic(diagnostic, { style: "annotation" })).toMatch(
      /^::error file=ekaci\.toml,line=1,endLine=2,title=invalid-type::/u,
    );
  });
});

describe("suggestions", () => {
  const hintOf = (text: string): string | undefined => safeParseServerConfig(text).diagnostics[0]?.hint;
  const cache = (line: string): string => `[[caches]]\n${line}`;

  it.each([
    [
      cache("allowed_repos = []"),
      "Keys here are id, cache_type, destination, credentials, permissions, options, upload, staging_size, jobs, ignore_upstream, host, upstream_keys, substituter, require_signature, exclude, max_nar_size, upstream_caches, deny_paths, max_closure_size, max_paths, signing_key, trusted_public_keys, after_push, promote_from, on_failure",
    ],
    [cache("cachetype = 1"), "Did you mean cache_type?"],
    [cache("cacheType = 1"), "Did you mean cache_type?"],
    [cache("credential = 1"), "Did you mean credentials?"],
    [cache("permisions = 1"), "Did you mean permissions?"],
    [cache("credentials = { evn = {} }"), "Did you mean env?"],
    [cache("credentials = { Vault = {} }"), "Did you mean vault?"],
    [cache("credentials = { aws_profile = {} }"), "Did you mean aws-profile?"],
    [cache("credentials = { cachix_token = {} }"), "Did you mean cachix-token?"],
    [cache("credentials = { env = { var = [] } }"), "Did you mean vars?"],
    [cache("credentials = { none = { x = 1 } }"), "This table has no keys"],
    [cache('cache_type = "atic"'), "Did you mean attic?"],
    [cache('cache_type = "s3"'), 'As in cache_type = "nix-copy"'],
    [cache('credentials = "nome"'), "Did you mean none?"],
    [cache('credentials = { instance-metadata = { provider = "asw" } }'), "Did you mean aws?"],
  ])("%j: %s", (text, hint) => {
    const hints = safeParseServerConfig(text).diagnostics.map((diagnostic) => diagnostic.hint);
    expect(hints).toContain(hint);
    expect(hintOf(text)).toBeDefined();
  });

  it.each([
    ["nix-copy", "s3://bucket", undefined, '"AWS_ACCESS_KEY_ID"'],
    ["cachix", "b", undefined, "cachix-token"],
    ["attic", "https://h/b", undefined, '"ATTIC_TOKEN"'],
  ])("a cache of type %s without credentials is shown its own", (type, destination, _none, expected) => {
    const { diagnostics } = safeParseServerConfig(
      `[[caches]]\nid = "x"\ncache_type = "${type}"\ndestination = "${destination}"\npermissions.allow_all = true`,
    );
    expect(diagnostics).toMatchObject([{ code: "missing-key" }]);
    expect(diagnostics[0]?.hint).toContain(expected);
  });
});

describe("credentials in the file", () => {
  const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYcanary4f1d9c";
  it.each<[name: string, text: string, advice: string]>([
    ["a variable in a cache", `[[caches]]\nAWS_SECRET_ACCESS_KEY = "${secret}"`, '"AWS_SECRET_ACCESS_KEY"'],
    [
      "a variable under credentials",
      `[[caches]]\ncredentials = { CACHIX_AUTH_TOKEN = "${secret}" }`,
      "cachix-token",
    ],
    [
      "a variable under a source",
      `[[caches]]\ncredentials = { env = { ATTIC_TOKEN = "${secret}" } }`,
      '"ATTIC_TOKEN"',
    ],
    ["a variable beside the caches", `AWS_SECRET_ACCESS_KEY = "${secret}"`, '"AWS_SECRET_ACCESS_KEY"'],
    ["a variable under [security]", `[security]\nMINIO_SECRET_KEY = "${secret}"`, '"MINIO_SECRET_KEY"'],
    ["a password", `[[caches]]\ncache_type = "attic"\npassword = "${secret}"`, '"ATTIC_TOKEN"'],
    [
      "a value where a name belongs",
      `[[caches]]\ncredentials = { env = { vars = ["${secret}"] } }`,
      "credentials = ",
    ],
    [
      "a key id where a name belongs",
      '[[caches]]\ncredentials = { env = { vars = ["AKIAIOSFODNN7EXAMPLE"] } }',
      "credentials = ",
    ],
    [
      "a user in a destination",
      `[[caches]]\ncache_type = "nix-copy"\ndestination = "https://u:${secret}@h"`,
      '"HTTP_PASSWORD"',
    ],
    [
      "a user in an address",
      `[[caches]]\ncredentials = { vault = { address = "https://${secret}@h" } }`,
      "credentials = ",
    ],
    [
      "a JSON web token",
      `[[caches]]\ncache_type = "cachix"\nid = "eyJhbGciOiJIUzI1NiJ9.eyJ${secret}.c2ln"`,
      "cachix-token",
    ],
    [
      "a Vault token",
      `[[caches]]\ncredentials = { vault = { token_env = "hvs.${secret}" } }`,
      "credentials = ",
    ],
    ["a signing key", `[[caches]]\ndestination = "k:${"a".repeat(86)}=="`, "credentials = "],
    [
      "a token in an array of the wrong shape",
      `[[caches]]\nid = [[["ghp_${"canary4f1d9c".repeat(3)}"]]]`,
      "credentials = ",
    ],
  ])("%s", (_name, text, advice) => {
    const found = safeParseServerConfig(text).diagnostics.filter(({ code }) => code === "inline-secret");
    expect(found).toMatchObject([{ severity: "error" }]);
    expect(found[0]?.hint).toContain(advice);
    const printed = STYLES.map((style) => print(safeParseServerConfig(text), style)).join();
    expect(printed + JSON.stringify(safeParseServerConfig(text))).not.toContain("canary4f1d9c");
  });

  it.each([
    ["the server's own tables", '[oauth]\nclient_secret = "x"\npassword = "y"'],
    ["the server's own keys", '[security]\njwt_secret = "x"'],
    [
      "names of secrets",
      `[[caches]]\nid = "x"\ncache_type = "nix-copy"\ndestination = "s3://bucket"\npermissions.allow_all = true\ncredentials = { aws-secrets-manager = { secret_name = "MyCompanyProductionNixCacheCredentials01" } }`,
    ],
    [
      "paths of secrets",
      `[[caches]]\nid = "x"\ncache_type = "nix-copy"\ndestination = "s3://bucket"\npermissions.allow_all = true\ncredentials = { vault = { address = "https://v", secret_path = "secret/data/token" } }`,
    ],
  ])("are not %s", (_name, text) => {
    expect(safeParseServerConfig(text).diagnostics).toEqual([]);
  });

  it("mask a key that is a credential itself", () => {
    const result = safeParseServerConfig(`[[caches]]\n"hvs.${"canary4f1d9c".repeat(2)}" = 1`);
    expect(STYLES.map((style) => print(result, style)).join() + JSON.stringify(result)).not.toContain(
      "canary",
    );
  });
});

describe("one mistake is one diagnostic", () => {
  const inCache = (line: string) =>
    `[[caches]]\nid = "x"\ncache_type = "cachix"\ndestination = "x"\npermissions.allow_all = true\n${line}`;

  it.each<[name: string, text: string, code: string]>([
    [
      "a misspelt key",
      `[[caches]]\nid = "x"\ncache_typ = "cachix"\ndestination = "x"\npermissions.allow_all = true\ncredentials = "none"`,
      "unknown-key",
    ],
    ["a misspelt key of a source", inCache("credentials = { env = { var = [] } }"), "unknown-key"],
    [
      "a credential in place of a name",
      inCache('credentials = { env = { AWS_SECRET_ACCESS_KEY = "x" } }'),
      "inline-secret",
    ],
    [
      "a token in place of its variable",
      inCache('credentials = { cachix-token = { token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x" } }'),
      "inline-secret",
    ],
    [
      "two ids that are none",
      `${inCache('credentials = "none"').replace('"x"', '"a b"')}\n${inCache('credentials = "none"').replace('"x"', '"a c"')}`,
      "invalid-cache-id",
    ],
    [
      "a flag in words",
      inCache('credentials = "none"').replace(
        "permissions.allow_all = true",
        'permissions = { allow_all = "true" }',
      ),
      "invalid-type",
    ],
  ])("for %s", (_name, text, code) => {
    expect(new Set(safeParseServerConfig(text).diagnostics.map((diagnostic) => diagnostic.code))).toEqual(
      new Set([code]),
    );
  });

  it("and a token's hint names the source of its cache", () => {
    const { diagnostics } = safeParseServerConfig(
      inCache('credentials = { cachix-token = { token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x" } }'),
    );
    expect(diagnostics).toMatchObject([
      { hint: expect.stringContaining('cachix-token = { env_var = "CACHIX_AUTH_TOKEN" }') },
    ]);
  });
});

describe("keys that are nearly ours", () => {
  it.each([
    ["[[cache]]\nid = 1", "Did you mean caches?"],
    ["[securty]\naudit_hooks = false", "Did you mean security?"],
    ["[security]\naudit_hook = false", "Did you mean audit_hooks?"],
    ["[security]\nallow_private_cache_host = true", "Did you mean allow_private_cache_hosts?"],
  ])("bring a warning among those of the server: %j", (text, hint) => {
    expect(safeParseServerConfig(text)).toMatchObject({
      success: true,
      diagnostics: [{ code: "unknown-key", severity: "warning", hint }],
    });
  });

  it.each([
    ['{"job": {}}', "Did you mean jobs?"],
    ['{"jobs": {"a": {"cache": ["x"]}}}', "Did you mean caches?"],
    ['{"jobs": {"a": {"cahces": ["x"]}}}', "Did you mean caches?"],
  ])("bring a warning among those of other features: %j", (text, hint) => {
    expect(safeParseRepositoryConfig(text)).toMatchObject({
      success: true,
      diagnostics: [{ code: "unknown-key", severity: "warning", hint }],
    });
  });

  it("are none of the keys that the guide and the server have", () => {
    for (const key of ["web", "oauth", "github_apps", "checks", "size_check", "file", "attr_path"]) {
      expect(safeParseServerConfig(`${key} = 1`).diagnostics).toEqual([]);
      expect(safeParseRepositoryConfig(`{"${key}": 1, "jobs": {"a": {"${key}": 1}}}`).diagnostics).toEqual(
        [],
      );
    }
  });
});

describe("no diagnostic repeats a value", () => {
  const CANARY = "canary-4f1d9c";
  const toml = ["example-2-company", "example-3-vault", "s3-destinations"].map((name) =>
    readFixture(`config/server/${name}.toml`),
  );
  const broken = fc.constantFrom(
    ...[
      CANARY,
      `"${CANARY}"`,
      `"${CANARY}`,
      `'${CANARY}`,
      `[${CANARY}`,
      `{ a = ${CANARY}`,
      `"""${CANARY}`,
      `7 # ${CANARY}`,
    ],
    ...[
      `"x" ${CANARY}`,
      `"a\\"${CANARY}`,
      `["x", "${CANARY}"]`,
      `"""\n${CANARY}\n"""`,
      `"""\n${CANARY}`,
      `"\\q${CANARY}"`,
    ],
  );

  it("whatever stands behind an equals sign", () => {
    fc.assert(
      fc.property(fc.constantFrom(...toml), fc.nat(), broken, fc.boolean(), (text, at, value, isCut) => {
        const lines = text.split("\n").map((line) => line.replace(/ +#.*$/u, ""));
        const values = lines.flatMap((line, index) => (line.includes("=") ? [index] : []));
        const index = values[at % values.length] ?? 0;
        lines[index] = `${lines[index]?.replace(/=.*$/u, "")}= ${value}`;
        const result = safeParseServerConfig((isCut ? lines.slice(0, index + 1) : lines).join("\n"));
        const printed =
          STYLES.map((style) => print(result, style)).join() + JSON.stringify(result.diagnostics);
        expect(printed).not.toContain(CANARY);
      }),
      { numRuns: 2000 },
    );
  });

  it("whatever stands in a broken JSON text", () => {
    const text = readFixture("config/repository/two-jobs.json").replaceAll('"default.nix"', `"${CANARY}"`);
    fc.assert(
      fc.property(
        fc.nat({ max: text.length }),
        fc.constantFrom("", "x", '"', "\\", "{", "]", ",", "//"),
        fc.nat({ max: 3 }),
        (at, piece, cut) => {
          const result = safeParseRepositoryConfig(`${text.slice(0, at)}${piece}${text.slice(at + cut)}`);
          const printed =
            STYLES.map((style) => print(result, style)).join() + JSON.stringify(result.diagnostics);
          expect(printed).not.toMatch(/canary|4f1d9c/u);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

it("lists at most 10,000 problems of a text, and says how many more there are", () => {
  const text = `[[caches]]\ncredentials = { env = { vars = [${"1,".repeat(20_000)}] } }`;
  const { diagnostics } = safeParseServerConfig(text);
  expect(diagnostics).toHaveLength(10_001);
  expect(diagnostics.at(-1)).toMatchObject({ code: "too-many-problems", severity: "warning" });
  expect(diagnostics.at(-1)?.message).toMatch(/^10\d{3} more problems/u);
});
