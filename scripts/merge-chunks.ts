// Merges the chunks that esbuild splits off. It makes one for each set of modules that some entries share, so
// that importing the package would open a dozen files. Rollup keeps apart what is loaded late, and here the
// rest in one file for each entry and one that they share.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { type GetModuleInfo, rollup } from "rollup";
import { ENTRIES } from "./entries.ts";

const directory = fileURLToPath(new URL("../dist/", import.meta.url));
const NAMES = ["index", ...ENTRIES, "cli"];
const toPath = (name: string): string => `${directory}${name}.js`;

/** The chunks that an entry imports when it is loaded itself. */
function findStatic(id: string, getModuleInfo: GetModuleInfo, found = new Set<string>()): Set<string> {
  for (const imported of getModuleInfo(id)?.importedIds ?? []) {
    if (found.has(imported) || !imported.startsWith(directory)) continue;
    found.add(imported);
    findStatic(imported, getModuleInfo, found);
  }
  return found;
}

const bundle = await rollup({
  input: Object.fromEntries(NAMES.map((name) => [name, toPath(name)])),
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
  // What late chunks share with an entry lies in a file beside it: an entry exports what it says, and nothing
  // else.
  preserveEntrySignatures: "strict",
});
const { output } = await bundle.generate({
  format: "es",
  hoistTransitiveImports: false,
  entryFileNames: "[name].js",
  chunkFileNames: ({ name }) => `${name.replace(/-[A-Z0-9]{8}$/u, "")}-[hash].js`,
  manualChunks: (id, { getModuleInfo }) => {
    const sharing = NAMES.filter((name) => findStatic(toPath(name), getModuleInfo).has(id));
    if (sharing.length > 1) return "shared";
    return sharing.includes("cli") && id !== toPath("cli") ? "program" : undefined;
  },
});
await bundle.close();
for (const name of readdirSync(directory).filter((file) => file.endsWith(".js")))
  rmSync(`${directory}${name}`);
for (const file of output)
  if (file.type === "chunk") writeFileSync(`${directory}${basename(file.fileName)}`, file.code);
