import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { isFaultlessValue } from "../../../src/config/schema/faultless-value.ts";
import { findInlineSecrets } from "../../../src/config/schema/misplaced-secrets.ts";
import { serverSchema } from "../../../src/config/schema/server-schema.ts";
import { findStructureProblems } from "../../../src/config/schema/structure-problems.ts";
import { findTooDeepKey } from "../../../src/config/text/too-deep-key.ts";

const schema = serverSchema.entries.caches;
const cache = {
  id: "main",
  cache_type: "nix-copy",
  destination: "s3://bucket/nix",
  credentials: { env: { vars: ["AWS_ACCESS_KEY_ID"] } },
  permissions: { allow_all: false, allowed_repos: ["a/*"] },
};

describe("isFaultlessValue", () => {
  it("takes a usual cache", () => expect(isFaultlessValue(schema, [cache, cache])).toBe(true));

  it.each([
    ["no list", { caches: cache }],
    ["an unknown key", [{ ...cache, colour: "red" }]],
    ["a key of Object.prototype", [{ ...cache, constructor: "x" }]],
    ["a credential by its form", [{ ...cache, require_signature: "AKIAABCDEFGHIJKLMNOP" }]],
    ["a password in a URL", [{ ...cache, destination: "https://user:word@cache.example.org" }]],
    ["a value in place of a name", [{ ...cache, credentials: { env: { vars: [`${"aB3/".repeat(10)}`] } } }]],
    ["a source of the host's own", [{ ...cache, credentials: { "custom:own": { option: "x" } } }]],
    ["a list in place of a table", [{ ...cache, permissions: [] }]],
    ["a date in place of a table", [{ ...cache, permissions: new Date(0) }]],
    ["a table in place of a text", [{ ...cache, id: { a: 1 } }]],
    ["lists in lists", [{ ...cache, credentials: { env: { vars: [[[{}]]] } } }]],
  ])("leaves to the long look: %s", (_name, value) => expect(isFaultlessValue(schema, value)).toBe(false));

  it("calls nothing faultless in which a long look finds something", () => {
    const words = [
      "id",
      "credentials",
      "env",
      "vars",
      "permissions",
      "allow_all",
      "AWS_SECRET_ACCESS_KEY",
      "__proto__",
      "x",
    ];
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "medium" },
        fc.constantFrom("main", "https://u:p@h", "AKIAABCDEFGHIJKLMNOP", "$TOKEN", "", true, 1, null),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    const near = fc.record({ key: fc.constantFrom(...Object.keys(cache), "host", "jobs"), value: tree });
    const caches = fc.array(
      fc.oneof(
        tree,
        near.map(({ key, value }) => ({ ...cache, [key]: value })),
      ),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(caches, (value) => {
        if (!isFaultlessValue(schema, value)) return;
        expect(findStructureProblems(schema, value)).toEqual([]);
        expect(value.flatMap((table) => findInlineSecrets(Object(table), [], {}))).toEqual([]);
        expect(findTooDeepKey(value, 7)).toBeUndefined();
        expect(v.safeParse(schema, value).success).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
