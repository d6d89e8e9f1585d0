import { defineConfig } from "tsup";
import { BUNDLED } from "./scripts/bundled-packages.ts";
import { ENTRIES, sourceOf } from "./scripts/entries.ts";

const entries = Object.fromEntries(["index", ...ENTRIES].map((name) => [name, sourceOf(name)]));

export default defineConfig({
  entry: { ...entries, cli: "src/cli/main.ts" },
  format: "esm",
  target: "node20",
  platform: "node",
  // Nobody imports the program.
  dts: { entry: entries },
  splitting: true,
  clean: true,
  // Modules of which little is used: as files of their own they cost more to import than all of this package.
  noExternal: [...BUNDLED],
});
