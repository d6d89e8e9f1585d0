import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", migration: "src/migration/index.ts", testing: "src/testing/index.ts" },
  format: "esm",
  target: "node20",
  platform: "node",
  dts: true,
  splitting: true,
  clean: true,
});
