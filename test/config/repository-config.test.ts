import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ConfigError,
  type DiagnosticCode,
  loadRepositoryConfig,
  parseRepositoryConfig,
  safeParseRepositoryConfig,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const codes = (text: string | Uint8Array): DiagnosticCode[] =>
  safeParseRepositoryConfig(text).diagnostics.map(({ code }) => code);

const ids = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_id, index) => `cache-${index}`));

describe("the repository configuration", () => {
  it.each<[name: string, text: string, expected: DiagnosticCode[]]>([
    ["an empty object", "{}", []],
    ["no jobs", '{"jobs": {}}', []],
    ["a job without caches", '{"jobs": {"a": {}}}', []],
    [
      "keys of other features",
      '{"checks": {"x": 1}, "jobs": {"a": {"file": "x", "attr_path": ["y"], "size_check": {}}}}',
      [],
    ],
    ["a leading BOM", '\ufeff{"jobs": {}}', []],
    ["an array", "[]", ["invalid-type"]],
    ["a text", '"jobs"', ["invalid-type"]],
    ["null", "null", ["invalid-type"]],
    ["jobs as null", '{"jobs": null}', ["invalid-type"]],
    ["jobs as an array", '{"jobs": []}', ["invalid-type"]],
    ["a job as a text", '{"jobs": {"a": "b"}}', ["invalid-type"]],
    ["caches as a text", '{"jobs": {"a": {"caches": "b"}}}', ["invalid-type"]],
    [
      "a number among the caches",
      '{"jobs": {"a": {"caches": [1, "b", {}]}}}',
      ["invalid-type", "invalid-type"],
    ],
    ["a destination in place of an id", '{"jobs": {"a": {"caches": ["s3://bucket"]}}}', ["invalid-cache-id"]],
    ["an option in place of an id", '{"jobs": {"a": {"caches": ["--help"]}}}', ["invalid-cache-id"]],
    ["64 caches", `{"jobs": {"a": {"caches": ${ids(64)}}}}`, []],
    ["65 caches", `{"jobs": {"a": {"caches": ${ids(65)}}}}`, ["too-many-caches"]],
    ["a cache twice", '{"jobs": {"a": {"caches": ["x", "x"]}}}', ["duplicate-cache-reference"]],
    ["a key twice", '{"jobs": {"a": {"caches": []}, "a": {"caches": ["x"]}}}', ["duplicate-key"]],
    ["a key twice by escape", '{"jobs": {"a": {}, "\\u0061": {}}}', ["duplicate-key"]],
    [
      "several problems, all at once",
      '{"jobs": {"a": {"caches": [1]}, "b": {"caches": "x"}, "b": 1, "c": {"caches": []}, "c": {"caches": [2]}}}',
      ["invalid-type", "duplicate-key", "invalid-type", "duplicate-key", "invalid-type"],
    ],
    ["a key twice, far from anything read", '{"x": [{"y": {"z": 1, "z": 2}}]}', ["duplicate-key"]],
    [
      "hooks",
      '{"jobs": {"a": {"post_build_hooks": [], "fod_post_build_hooks": []}}}',
      ["hooks-ignored", "hooks-ignored"],
    ],
    ["hooks outside a job", '{"post_build_hooks": []}', ["hooks-ignored"]],
    [
      "32 levels",
      `${"[".repeat(32)}${"]".repeat(32)}`.replace(/^.*$/u, (deep) => `{"x": ${deep.slice(1, -1)}}`),
      [],
    ],
    ["33 levels", `{"x": ${"[".repeat(32)}${"]".repeat(32)}}`, ["nesting-too-deep"]],
    ["a quarter of a million levels", "[".repeat(250_000), ["nesting-too-deep"]],
    ["more than 256 KiB", `{"x": "${"y".repeat(256 * 1024)}"}`, ["input-too-large"]],
    ["a trailing comma", '{"jobs": {},}', ["json-syntax"]],
    ["a comment", '{"jobs": {} /* x */}', ["json-syntax"]],
    ["a control character", '{"a": "\u0001"}', ["json-syntax"]],
    ["nothing", "", ["json-syntax"]],
  ])("%s", (_name, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  it("ends in an error of bounded size, however long its names and lists are", () => {
    const long = `{"jobs":{"${"k".repeat(100_000)}":{"caches":[${"1,".repeat(70_000)}1]}}}`;
    const many = `{"jobs":{${Array.from({ length: 12_000 }, (_job, index) => `"${index}":1`).join()}}}`;
    const items = `{"jobs":{"a":{"caches":[${"1,".repeat(125_000)}1]}}}`;
    for (const text of [long, many, items]) {
      try {
        parseRepositoryConfig(text);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        expect(String(error).length).toBeLessThan(10_000);
      }
    }
  });

  it("takes names such as __proto__ as data and no more", () => {
    const config = parseRepositoryConfig(
      '{"jobs": {"__proto__": {"caches": ["a"]}, "constructor": {"caches": ["b"]}}}',
    );
    expect([...config.jobs]).toEqual([
      ["__proto__", { caches: ["a"] }],
      ["constructor", { caches: ["b"] }],
    ]);
    expect(Object.hasOwn(Object.prototype, "caches")).toBe(false);
  });

  it("reads nothing from a polluted Object.prototype", () => {
    const pollute = (key: string, value: unknown): void => {
      Object.defineProperty(Object.prototype, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    };
    pollute("caches", ["stolen"]);
    pollute("jobs", { x: {} });
    try {
      expect(parseRepositoryConfig("{}").jobs.size).toBe(0);
      expect(parseRepositoryConfig('{"jobs": {"a": {}}}').jobs.get("a")?.caches).toEqual([]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "caches");
      Reflect.deleteProperty(Object.prototype, "jobs");
    }
  });

  it("holds ids and nothing else", () => {
    const text =
      '{"jobs": {"a": {"caches": ["x"], "destination": "s3://b", "credentials": {"env": {}}, "command": ["sh"]}}}';
    expect([...parseRepositoryConfig(text).jobs]).toEqual([["a", { caches: ["x"] }]]);
  });

  it.each([
    ['{"a": 1,\n "b": }', 2, 7],
    ['{"jobs": {"a": {},\n\t"a": {}}}', 2, 2],
    ['{"a": 1', 1, 8],
  ])("gives line and column of %j", (text, line, column) => {
    const [diagnostic] = safeParseRepositoryConfig(text).diagnostics;
    expect(diagnostic?.range?.start).toMatchObject({ line, column });
  });

  it("never repeats a value", () => {
    const canary = "canary-4f1d9c";
    for (const text of [
      `{"a": ${canary}}`,
      canary,
      `{"jobs": {"a": {"caches": ["${canary} "]}}}`,
      `"${canary}"`,
    ]) {
      const result = safeParseRepositoryConfig(text);
      expect(result.success).toBe(false);
      expect(JSON.stringify(result)).not.toContain(canary);
    }
  });

  it("loads a file, and refuses a symbolic link in its place", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-test-"));
    try {
      await writeFile(join(directory, "config.json"), '{"jobs": {"a": {"caches": ["x"]}}}');
      await symlink(join(directory, "config.json"), join(directory, "link.json"));
      const config = await loadRepositoryConfig(join(directory, "config.json"));
      expect(config.jobs.get("a")?.caches).toEqual(["x"]);
      await expect(loadRepositoryConfig(join(directory, "link.json"))).rejects.toMatchObject({
        code: "ERR_CONFIG_UNREADABLE",
      });
      await expect(loadRepositoryConfig(join(directory, "none.json"))).rejects.toThrow(ConfigError);
      await expect(loadRepositoryConfig(directory)).rejects.toMatchObject({ code: "ERR_CONFIG_UNREADABLE" });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
