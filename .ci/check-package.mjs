// Imports the built package by its own name, as a user would, and checks that both entry points offer what their sources
// do, and share their classes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const main = await import("@eka-ci/caches");
const testing = await import("@eka-ci/caches/testing");

for (const [entry, source] of [
  [main, "src/index.ts"],
  [testing, "src/testing/index.ts"],
]) {
  const text = readFileSync(source, "utf8").replace(/export type \{[^}]*\}/g, "");
  const names = [...text.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list]) => list.split(","));
  const values = names.map((name) => name.trim()).filter((name) => name !== "" && !name.startsWith("type "));
  assert.deepEqual(Object.keys(entry).sort(), values.sort(), source);
}

const { env } = await testing.createStaticProvider({ A_TOKEN: "x" })();
assert.ok(env.get("A_TOKEN") instanceof main.Secret, "both entry points share the class Secret");
console.log(`the built package offers ${Object.keys(main).length} and ${Object.keys(testing).length} values`);

for (const name of ["ekaci", "repository"]) {
  const { default: schema } = await import(`@eka-ci/caches/schema/${name}.json`, { with: { type: "json" } });
  assert.equal(schema.type, "object", name);
}
