import { defineConfig } from "tsup";
import { BUNDLED } from "./scripts/bundled-packages.ts";

export default defineConfig({
  entry: { index: "src/index.ts", migration: "src/migration/index.ts", testing: "src/testing/index.ts" },
  format: "esm",
  target: "node20",
  platform: "node",
  dts: true,
  splitting: true,
  clean: true,
  // Modules of which little is used: as files of their own they cost more to import than all of this package.
  noExternal: [...BUNDLED],
});
