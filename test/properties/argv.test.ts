import { existsSync, readFileSync } from "node:fs";
import {
  buildPushCommand,
  type CacheDestination,
  CommandError,
  createProcessExecutor,
  parseStorePath,
  Secret,
  safeParseRepositoryConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const base32 = fc.stringMatching(/^[0-9abcdfghijklmnpqrsvwxyz]{32}$/u);
const name = fc
  .stringMatching(/^[0-9A-Za-z+\-_?=][0-9A-Za-z+\-._?=]{0,60}$/u)
  .filter((text) => !text.endsWith(".drv"));
const storePath = fc.tuple(base32, name).map(([hash, rest]) => `/nix/store/${hash}-${rest}`);

const destinations: readonly (readonly [CacheDestination, string])[] = [
  [{ type: "s3", url: "s3://bucket", bucket: "bucket", prefix: "", parameters: [] }, "AWS"],
  [{ type: "http", url: "https://cache.example", host: "cache.example" }, "HTTP_PASSWORD"],
  [{ type: "cachix", name: "cache" }, "CACHIX_AUTH_TOKEN"],
  [
    { type: "attic", url: "https://attic.example/c", endpoint: "https://attic.example/", cache: "c" },
    "ATTIC_TOKEN",
  ],
];

const toEnv = (credential: string, value: string): Map<string, Secret> =>
  credential === "AWS"
    ? new Map([
        ["AWS_ACCESS_KEY_ID", new Secret("id")],
        ["AWS_SECRET_ACCESS_KEY", new Secret(value)],
      ])
    : new Map([[credential, new Secret(value)]]);

describe("argv", () => {
  it("holds every store path as one argument behind --, none split, none joined, no secret", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(storePath, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...destinations),
        fc.stringMatching(/^[!-~]{1,40}$/u),
        (storePaths, [destination, credential], tail) => {
          const value = `canary${tail}`;
          const { args } = buildPushCommand({
            destination,
            storePaths,
            credentials: { env: toEnv(credential, value) },
          });
          const separator = args.indexOf("--");
          const behind = args.slice(separator + 1);
          expect(behind.slice(destination.type === "cachix" ? 1 : 0)).toEqual(storePaths);
          expect(args.filter((argument) => argument === "--")).toHaveLength(1);
          expect(args.join(" ")).not.toContain("canary");
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("arrives at a real child as it was built", async () => {
    const executor = createProcessExecutor();
    const argument = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(argument, { maxLength: 8 }), async (args) => {
        const script = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
        const result = await executor.execute({
          file: process.execPath,
          args: ["-e", script, "--", ...args],
          env: new Map(),
          files: [],
        });
        expect(JSON.parse(result.stdout)).toEqual(args.map((text) => text.toWellFormed()));
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it("takes no text but a store path", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          storePath,
          storePath.map((path) => `${path}/x`),
        ),
        (text) => {
          try {
            expect(parseStorePath(text).path).toBe(text);
            expect(text).toMatch(/^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+$/u);
          } catch (error) {
            expect(error).toBeInstanceOf(CommandError);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

const NAUGHTY = new URL("../../../shared/corpora/naughty-strings/blns.json", import.meta.url);

describe("strings that break careless programs", () => {
  const strings: string[] = existsSync(NAUGHTY)
    ? JSON.parse(readFileSync(NAUGHTY, "utf8"))
    : ["", "\u202e", "$(id)", "{{7*7}}"];

  it("end in diagnostics or success, as ids, names, patterns, destinations and jobs", () => {
    for (const text of strings) {
      const quoted = JSON.stringify(text.toWellFormed());
      const toml = `[[caches]]\nid = ${quoted}\ncache_type = "nix-copy"\ndestination = ${quoted}\ncredentials = { env = { vars = [${quoted}] } }\npermissions = { allow_all = false, allowed_repos = [${quoted}], allowed_branches = [${quoted}] }`;
      expect(safeParseServerConfig(toml).success).toBe(false);
      expect(
        safeParseRepositoryConfig(JSON.stringify({ jobs: { [text]: { caches: [text] } } })).diagnostics
          .length,
      ).toBeLessThan(3);
      expect(() => parseStorePath(text)).toThrow(CommandError);
    }
  });
});
