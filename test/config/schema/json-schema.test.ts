import { readdirSync, readFileSync } from "node:fs";
import { type DiagnosticCode, safeParseRepositoryConfig, safeParseServerConfig } from "@eka-ci/caches";
import { Ajv } from "ajv";
import fc from "fast-check";
import * as toml from "toml";
import { describe, expect, it } from "vitest";
import { createJsonSchemas } from "../../../scripts/json-schemas.ts";
import { readFixture } from "../../support/fixture.ts";

const ROOT = new URL("../../../", import.meta.url);
const FIXTURES = new URL("test/fixtures/config/", ROOT);

const shipped = (path: string): object => JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));

// An independent validator, strict about the schemas themselves.
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true });
const isServerFile = ajv.compile(shipped("schema/ekaci.json"));
const isRepositoryFile = ajv.compile(shipped("schema/repository.json"));

// Tables without prototype surprise validators, and dates are texts in JSON.
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What no JSON Schema of ours can say: rules between values, and grammars that need code. */
const BEYOND_SCHEMA: ReadonlySet<DiagnosticCode> = new Set([
  "duplicate-cache-id",
  "inline-secret",
  "invalid-destination",
  "invalid-pattern",
  "invalid-value",
  "private-host",
  "nesting-too-deep",
]);

describe("the JSON Schemas", () => {
  it("are those of the parsers' own schemas", () => {
    for (const [path, text] of createJsonSchemas())
      expect(readFileSync(new URL(path, ROOT), "utf8")).toBe(text);
  });

  it("are offered by the package", async () => {
    const manifest = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
    for (const path of createJsonSchemas().keys()) expect(manifest.exports[`./${path}`]).toBe(`./${path}`);
    expect(manifest.files).toContain("schema");
  });

  it("describe every key, with an example of every value", () => {
    const undescribed: string[] = [];
    const visit = (schema: Record<string, unknown>, path: string): void => {
      for (const [key, inner] of Object.entries(
        (schema["properties"] ?? {}) as Record<string, Record<string, unknown>>,
      )) {
        const at = `${path}.${key}`;
        if (at !== ".caches" && typeof inner["description"] !== "string") undescribed.push(at);
        if (
          inner["type"] !== "object" &&
          inner["items"] === undefined &&
          inner["examples"] === undefined &&
          inner["anyOf"] === undefined
        )
          undescribed.push(`${at} (example)`);
        for (const nested of [inner, inner["items"], ...((inner["anyOf"] ?? []) as unknown[])])
          if (typeof nested === "object") visit(nested as Record<string, unknown>, at);
      }
    };
    visit(shipped("schema/ekaci.json") as Record<string, unknown>, "");
    expect(undescribed).toEqual([]);
  });
});

describe("an independent validator", () => {
  it.each(readdirSync(new URL("server", FIXTURES)))("accepts %s", (name) => {
    expect(isServerFile(asJson(toml.parse(readFixture(`config/server/${name}`))))).toBe(true);
    expect(isServerFile.errors).toBeNull();
  });

  it.each(readdirSync(new URL("repository", FIXTURES)))("accepts %s", (name) => {
    expect(isRepositoryFile(JSON.parse(readFixture(`config/repository/${name}`)))).toBe(true);
  });

  it.each(readdirSync(new URL("invalid", FIXTURES)))("refuses %s", (name) => {
    const text = readFixture(`config/invalid/${name}`);
    const isValid = name.endsWith(".toml")
      ? isServerFile(asJson(toml.parse(text)))
      : isRepositoryFile(JSON.parse(text));
    expect(isValid).toBe(false);
  });

  const CACHE = {
    id: "one",
    cache_type: "nix-copy",
    destination: "s3://bucket",
    credentials: { none: {} },
    permissions: { allow_all: true },
  };
  const keys = fc.constantFrom(
    ...Object.keys(CACHE),
    "colour",
    "allow_all",
    "vars",
    "custom:x",
    "env",
    "vault",
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom(
      "",
      "a",
      "attic",
      "cachix",
      "nix-copy",
      "https://host/cache",
      "none",
      true,
      false,
      3,
      1.5,
    ),
    fc.constantFrom(
      {},
      [],
      { none: {} },
      { "custom:x": 1 },
      { env: { vars: ["A_TOKEN"] } },
      { env: { vars: [] } },
    ),
    fc.constantFrom(
      { allow_all: true, x: 1 },
      { allow_all: false, allowed_repos: ["a/b"] },
      { vault: { address: 1 } },
    ),
    fc.array(fc.constantFrom("a/b", "main", "", 1), { maxLength: 2 }),
  );

  it("agrees with the parser about any server configuration, as far as a schema goes", () => {
    const document = fc.array(fc.tuple(keys, value), { maxLength: 3 }).map((changes) => ({
      caches: [{ ...CACHE, ...Object.fromEntries(changes) }],
    }));
    fc.assert(
      fc.property(document, (config) => {
        // JSON's texts, lists and tables are TOML's, but for the colon.
        const text = `caches = ${toToml(config.caches)}`;
        const result = safeParseServerConfig(text);
        const errors = result.diagnostics.filter(({ severity }) => severity === "error");
        const isAccepted = isServerFile(asJson(config));
        if (result.success) expect(isAccepted).toBe(true);
        else if (errors.some(({ code }) => !BEYOND_SCHEMA.has(code))) expect(isAccepted).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it("agrees with the parser about any repository configuration", () => {
    const id = fc.constantFrom("a", "a/b", "", "x".repeat(64), "x".repeat(65), 1, null);
    const job = fc.oneof(
      fc.record({ caches: fc.oneof(fc.array(id, { maxLength: 3 }), fc.constant("a")) }, { requiredKeys: [] }),
      fc.constantFrom(null, 1, []),
    );
    fc.assert(
      fc.property(
        fc.record({ jobs: fc.dictionary(fc.string(), job, { maxKeys: 2 }) }, { requiredKeys: [] }),
        (config) => {
          const { success } = safeParseRepositoryConfig(JSON.stringify(config));
          expect(isRepositoryFile(asJson(config))).toBe(success);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

function toToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toToml).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)} = ${toToml(inner)}`)
    .join(", ")} }`;
}
