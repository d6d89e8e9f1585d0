// Builds the documentation site: `npm run docs`, without a network. TypeDoc writes the pages of the API,
// VitePress the rest; a dead link fails.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";
import { build } from "vitepress";
import { ENTRIES, sourceOf } from "./entries.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "temp/site-source");
const output = join(root, "temp/site");
/** Pages that stand beside docs/. */
const MOVED: Readonly<Record<string, string>> = {
  "SECURITY.md": "security.md",
  "CHANGELOG.md": "changelog.md",
};

/** What lies outside of docs/ is a page of the site, or a file that it serves. */
function moveLink(link: string, page: string): string {
  const [path = "", hash] = link.split("#");
  if (/^[a-z]+:/u.test(link) || path === "") return link;
  const target = posix.join(posix.dirname(page), path);
  const moved = Object.entries(MOVED).find(([from]) => target === from || target === `../${from}`)?.[1];
  if (moved !== undefined)
    return `${posix.relative(posix.dirname(page), moved) || moved}${hash === undefined ? "" : `#${hash}`}`;
  if (target.startsWith("docs/")) return posix.relative(posix.dirname(page), target.slice("docs/".length));
  if (!target.startsWith("../")) return link;
  const file = target.slice("../".length);
  if (!existsSync(join(root, file))) throw new Error(`${page} links to ${link}, which is not there`);
  cpSync(join(root, file), join(source, "public", file), { recursive: true });
  return `/${file}`;
}

function writePage(page: string, text: string): void {
  const path = join(source, page);
  mkdirSync(dirname(path), { recursive: true });
  const linked = text.replaceAll(/\]\(([^)\s]+)\)/gu, (_all, link: string) => `](${moveLink(link, page)})`);
  writeFileSync(path, linked);
}

rmSync(source, { recursive: true, force: true });
const docs = join(root, "docs");
for (const entry of readdirSync(docs, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const page = relative(docs, path);
  if (page.endsWith(".md")) writePage(page, readFileSync(path, "utf8"));
  else cpSync(path, join(source, page));
}
for (const [from, page] of Object.entries(MOVED)) writePage(page, readFileSync(join(root, from), "utf8"));

const typedoc = await Application.bootstrapWithPlugins({
  entryPoints: ["index", ...ENTRIES].map(sourceOf),
  tsconfig: join(root, "tsconfig.json"),
  plugin: ["typedoc-plugin-markdown", "typedoc-vitepress-theme"],
  out: join(source, "api"),
  readme: "none",
  name: "API",
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  logLevel: "Warn",
  gitRevision: "main",
});
const project = await typedoc.convert();
if (project === undefined) throw new Error("TypeDoc did not read the sources");
await typedoc.generateOutputs(project);

await build(source, { outDir: output });
