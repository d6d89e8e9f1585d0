import { defineConfig } from "tsup";
import { BUNDLED } from "./scripts/bundled-packages.ts";
import { ENTRIES, sourceOf } from "./scripts/entries.ts";

export default defineConfig({
  entry: {
    ...Object.fromEntries(["index", ...ENTRIES].map((name) => [name, sourceOf(name)])),
    cli: "src/cli/main.ts",
  },
  format: "esm",
  target: "node20",
  platform: "node",
  dts: true,
  splitting: true,
  clean: true,
  // Modules of which little is used: as files of their own they cost more to import than all of this package.
  noExternal: [...BUNDLED],
});
