import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@eka-ci\/caches$/, replacement: source("./src/index.ts") },
      { find: /^@eka-ci\/caches\/migration$/, replacement: source("./src/migration/index.ts") },
      { find: /^@eka-ci\/caches\/testing$/, replacement: source("./src/testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
    testTimeout: 30_000,
    reporters: ["default", ["json", { outputFile: "temp/test-results.json" }]],
  },
});
