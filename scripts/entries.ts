import { fileURLToPath } from "node:url";

/** The entries of the package beside the main one: `@eka-ci/caches/<name>` is `src/<name>/index.ts`. */
export const ENTRIES: readonly string[] = [
  "decisions",
  "forges",
  "migration",
  "opentelemetry",
  "postgres",
  "prometheus",
  "testing",
];

/** What stands for each entry in the tests: the sources, or the files of an installed package. */
export function toAliases(
  resolve: (entry: string) => string,
): { readonly find: RegExp; readonly replacement: string }[] {
  const aliases = ENTRIES.map((name) => ({
    find: new RegExp(`^@eka-ci/caches/${name}$`, "u"),
    replacement: resolve(name),
  }));
  return [{ find: /^@eka-ci\/caches$/u, replacement: resolve("index") }, ...aliases];
}

/** The source of an entry; `index` is the main one. */
export function sourceOf(entry: string): string {
  const path = entry === "index" ? "index.ts" : `${entry}/index.ts`;
  return fileURLToPath(new URL(`../src/${path}`, import.meta.url));
}
