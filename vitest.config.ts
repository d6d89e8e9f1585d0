import { defineConfig } from "vitest/config";
import { sourceOf, toAliases } from "./scripts/entries.ts";

export default defineConfig({
  resolve: {
    alias: toAliases(sourceOf),
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
    testTimeout: 30_000,
    reporters: ["default", ["json", { outputFile: "temp/test-results.json" }]],
  },
});
