import { readdirSync, readFileSync } from "node:fs";
import {
  type Diagnostic,
  formatDiagnostic,
  lintRepositoryConfig,
  type RepositoryConfig,
  type ServerConfig,
  safeParseRepositoryConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import { migrateHooks } from "@eka-ci/caches/migration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOSTILE_FAMILIES } from "../../bench/support/hostile-texts.ts";
import { CORPORA, itWithCorpora } from "../support/corpora.ts";
import { readFixture } from "../support/fixture.ts";

const STYLES = ["line", "frame", "annotation"] as const;

/** A diagnostic has a place inside its text, and prints as ASCII. */
const expectWellFormed = (diagnostics: readonly Diagnostic[], text: string): void => {
  for (const diagnostic of diagnostics) {
    const { code, range } = diagnostic;
    if (code !== "input-too-large" && code !== "too-many-problems") {
      expect(range?.start.offset).toBeLessThanOrEqual(text.length);
      expect(range?.end.offset).toBeGreaterThanOrEqual(range?.start.offset ?? Number.NaN);
      expect(Math.min(range?.start.line ?? 0, range?.start.column ?? 0)).toBeGreaterThanOrEqual(1);
    }
    for (const style of STYLES) expect(formatDiagnostic(diagnostic, { style })).toMatch(/^[\x20-\x7e\n]+$/u);
  }
};

const readBoth = (
  input: string | Uint8Array,
): readonly [server: ServerConfig | undefined, repository: RepositoryConfig | undefined] => {
  const text =
    typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  const server = safeParseServerConfig(input);
  const repository = safeParseRepositoryConfig(input);
  for (const result of [server, repository]) {
    expectWellFormed(result.diagnostics, text);
    if (!result.success) expect(result.diagnostics.some(({ severity }) => severity === "error")).toBe(true);
  }
  return [server.success ? server.output : undefined, repository.success ? repository.output : undefined];
};

const migrateIfPossible = (text: string): void => {
  try {
    expectWellFormed(migrateHooks(text).findings, text);
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_CONFIG_INVALID" });
  }
};

describe("a hostile text ends in diagnostics or success", () => {
  it.each(HOSTILE_FAMILIES.map((family) => [family.name, family] as const))("%s", (_name, family) => {
    const text = family.make(family.file === "server" ? 512 * 1024 : 240 * 1024);
    const result = family.file === "server" ? safeParseServerConfig(text) : safeParseRepositoryConfig(text);
    expectWellFormed(result.diagnostics.slice(0, 500), text);
    expect(result.diagnostics.length).toBeLessThanOrEqual(10_001);
    if (family.file === "repository") migrateIfPossible(text);
  });

  it("of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readBoth(bytes)),
      { numRuns: 2000 },
    );
  });

  it("of any characters", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 });
    fc.assert(
      fc.property(text, (characters) => {
        readBoth(characters);
        migrateIfPossible(characters);
      }),
      { numRuns: 2000 },
    );
  });

  it("of a real file with a piece put in, taken out or repeated", () => {
    const files = [
      "server/example-2-company.toml",
      "server/example-3-vault.toml",
      "repository/migration-before.json",
      "invalid/ten-mistakes.toml",
    ];
    const piece = fc.oneof(
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        '"""',
        "=",
        ".",
        "\n",
        "\r",
        ",",
        "#",
        "\\",
        "\u0000",
        "\ufeff",
        "😀",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...files.map((name) => readFixture(`config/${name}`))),
        fc.nat(),
        fc.nat({ max: 40 }),
        fc.array(piece, { maxLength: 3 }),
        (file, at, cut, pieces) => {
          const start = at % file.length;
          const text = `${file.slice(0, start)}${pieces.join("")}${file.slice(start + cut)}`;
          const [, repository] = readBoth(text);
          if (repository !== undefined) migrateIfPossible(text);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("the public corpora", () => {
  itWithCorpora("of JSON and TOML end in diagnostics with places, or in success", () => {
    const json = new URL("json-test-suite/test_parsing/", CORPORA);
    for (const name of readdirSync(json)) readBoth(readFileSync(new URL(encodeURIComponent(name), json)));
    const toml = new URL("toml-test/tests/", CORPORA);
    const names = readdirSync(toml, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".toml"),
    );
    expect(names.length).toBeGreaterThan(600);
    for (const name of names) readBoth(readFileSync(new URL(name, toml)));
  });

  itWithCorpora("of naughty strings end so wherever a name, pattern, id or destination stands", () => {
    const strings: string[] = JSON.parse(readFileSync(new URL("naughty-strings/blns.json", CORPORA), "utf8"));
    expect(strings.length).toBeGreaterThan(500);
    for (const naughty of strings) {
      const quoted = JSON.stringify(naughty).replaceAll("\u007f", "\\u007f");
      for (const type of ["nix-copy", "cachix", "attic"]) {
        readBoth(
          `[[caches]]\nid = ${quoted}\ncache_type = "${type}"\ndestination = ${quoted}\n` +
            `credentials = { ${quoted} = { ${quoted} = ${quoted} } }\n` +
            `permissions = { allow_all = false, allowed_repos = [${quoted}], allowed_branches = [${quoted}], ${quoted} = 1 }`,
        );
      }
      readBoth(
        `[[caches]]\ncredentials = { vault = { address = ${quoted}, secret_path = ${quoted}, namespace = ${quoted} } }`,
      );
      const json = JSON.stringify({
        [naughty]: naughty,
        jobs: {
          [naughty]: {
            caches: [naughty],
            post_build_hooks: [{ command: naughty, env: { [naughty]: naughty } }],
          },
        },
      });
      const [, repository] = readBoth(json);
      migrateIfPossible(json);
      if (repository !== undefined) {
        const findings = lintRepositoryConfig(
          repository,
          {
            caches: [],
            security: { maxHookTimeoutSeconds: 1, auditHooks: true, allowPrivateCacheHosts: false },
          },
          { repository: naughty, ref: { type: "branch", name: naughty } },
        );
        expectWellFormed(findings, json);
      }
    }
  });
});
