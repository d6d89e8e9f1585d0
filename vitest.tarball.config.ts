import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, mergeConfig } from "vitest/config";
import { toAliases } from "./scripts/entries.ts";
import base from "./vitest.config.ts";

// Runs every test that uses the package by its name against an installed tarball; `npm run test:tarball` makes that.
const installed = process.env["EKA_CI_TARBALL"];
if (installed === undefined)
  throw new Error("EKA_CI_TARBALL must name the directory of the installed package");

const usesPackageAlone = (path: string): boolean => {
  const text = readFileSync(path, "utf8");
  return text.includes('"@eka-ci/caches') && !/"(?:\.\.\/)+(?:src|scripts)\//u.test(text);
};

const tests = readdirSync("test", { encoding: "utf8", recursive: true })
  .map((path) => `test/${path}`)
  // Documents and what the sources load are no part of the tarball; hostile texts, and servers that drip and hang for ten seconds each,
  // find the same on every Node.js.
  .filter(
    (path) => path.endsWith(".test.ts") && !/lazy-loading|\/docs\/|faults|hostile-config|corpora/u.test(path),
  )
  .filter(usesPackageAlone);

export default mergeConfig(
  { ...base, resolve: {}, test: { ...base.test, include: [], reporters: [], typecheck: { enabled: false } } },
  defineConfig({
    resolve: {
      alias: toAliases((entry) => join(installed, `dist/${entry}.js`)),
    },
    test: {
      include: tests,
      reporters: ["default"],
    },
  }),
);
