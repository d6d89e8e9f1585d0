import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installTarball, type TarballProject } from "../../scripts/install-tarball.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(ROOT, "node_modules/.bin");

let project: TarballProject;
beforeAll(async () => {
  project = await installTarball(await mkdtemp(join(tmpdir(), "eka-ci-consumer-")));
}, 180_000);
afterAll(() => rm(project.directory, { recursive: true, force: true }));

const readManifest = async () =>
  JSON.parse(await readFile(join(project.packageDirectory, "package.json"), "utf8"));

async function listFiles(): Promise<string[]> {
  const entries = await readdir(project.packageDirectory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(project.packageDirectory, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("node_modules/"));
}

async function evaluate(name: string, code: string): Promise<string> {
  await writeFile(join(project.directory, name), code);
  const { stdout } = await run(process.execPath, [name], { cwd: project.directory });
  return stdout;
}

/** The last words of a command that fails are what it found. */
async function check(file: string, args: readonly string[], cwd: string): Promise<string> {
  return run(file, args, { cwd }).then(
    () => "",
    ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}${stderr}`,
  );
}

describe("the packed package", () => {
  it("holds what is exported, its texts, and nothing else", async () => {
    const { exports, bin } = await readManifest();
    const targets = Object.values<string | Record<string, string>>({ ...exports, bin })
      .flatMap((target) => (typeof target === "string" ? target : Object.values(target)))
      .map((target) => target.replace("./", ""));
    const files = await listFiles();
    const pages = ["docs", "examples"]
      .flatMap((name) => readdirSync(join(ROOT, name), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)))
      // That of the site, which is built from a checkout.
      .filter((path) => !path.startsWith("docs/.vitepress/"));
    const texts = [...pages, "CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-NOTICES.md"];
    const shared = files.filter((path) => /^dist\/[\w-]+-[\w-]{8}\.(?:d\.ts|js)$/u.test(path));
    expect(files.sort()).toEqual([...new Set([...targets, ...texts, ...shared])].sort());
    const importing = await Promise.all(
      files
        .filter((path) => path.startsWith("dist/"))
        .map((path) => readFile(join(project.packageDirectory, path), "utf8")),
    );
    for (const path of shared) {
      const name = path.replace("dist/", "").replace(/\.(?:d\.ts|js)$/u, "");
      expect(
        importing.some((text) => text.includes(`./${name}`)),
        path,
      ).toBe(true);
    }
  });

  it("says nothing of the machine that built it", async () => {
    const files = await listFiles();
    for (const path of files) {
      expect(await readFile(join(project.packageDirectory, path), "utf8"), path).not.toContain(ROOT);
    }
  });

  it("runs nothing when it is installed, and depends on published ranges alone", async () => {
    const { scripts = {}, dependencies } = await readManifest();
    const atInstall = ["preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare"];
    expect(Object.keys(scripts).filter((name) => atInstall.includes(name))).toEqual([]);
    for (const range of Object.values(dependencies)) expect(range).toMatch(/^\^\d+\.\d+\.\d+$/u);
  });

  it("passes publint --strict, and attw as ESM only", async () => {
    expect(await check(join(BIN, "publint"), [project.tarball, "--strict"], ROOT)).toBe("");
    const attw = [project.tarball, "--profile", "esm-only", "--no-emoji", "--no-color"];
    expect(await check(join(BIN, "attw"), attw, ROOT)).toBe("");
  }, 120_000);
});

describe("an empty project that installs it", () => {
  const SHARED_CLASS = `
    const { env } = await testing.createStaticProvider({ A_TOKEN: "x" })();
    console.log(env.get("A_TOKEN") instanceof main.Secret);`;

  it("imports it", async () => {
    const output = await evaluate(
      "esm.mjs",
      `import * as main from "@eka-ci/caches";
       import * as testing from "@eka-ci/caches/testing";
       import schema from "@eka-ci/caches/schema/ekaci.json" with { type: "json" };
       console.log(typeof main.CacheRegistry, schema.type);
       ${SHARED_CLASS}`,
    );
    expect(output).toBe("function object\ntrue\n");
  });

  it("requires it", async () => {
    const output = await evaluate(
      "cjs.cjs",
      `const main = require("@eka-ci/caches");
       const testing = require("@eka-ci/caches/testing");
       const schema = require("@eka-ci/caches/schema/repository.json");
       console.log(typeof main.CacheRegistry, schema.type);
       (async () => { ${SHARED_CLASS} })();`,
    );
    expect(output).toBe("function object\ntrue\n");
  });

  it("offers each entry point what its source exports, and cannot reach behind them", async () => {
    const output = await evaluate(
      "names.mjs",
      `const names = [];
       for (const entry of ["@eka-ci/caches", "@eka-ci/caches/testing", "@eka-ci/caches/migration"]) names.push(Object.keys(await import(entry)));
       const inner = await import("@eka-ci/caches/dist/index.js").catch(({ code }) => code);
       console.log(JSON.stringify({ names, inner }));`,
    );
    const { names, inner } = JSON.parse(output);
    expect(names[0]).toEqual(Object.keys(await import("../../src/index.ts")).sort());
    expect(names[1]).toEqual(Object.keys(await import("../../src/testing/index.ts")).sort());
    expect(names[2]).toEqual(Object.keys(await import("../../src/migration/index.ts")).sort());
    expect(inner).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  it.each([
    ["nodenext", "use.mts", {}],
    ["nodenext", "use.cts", {}],
    ["bundler", "use.ts", { module: "esnext" }],
  ])(
    "type-checks under %s (%s)",
    async (moduleResolution, file, more) => {
      await copyFile(join(ROOT, "test/package/consumer/use.ts"), join(project.directory, file));
      const compilerOptions = {
        target: "es2023",
        lib: ["es2023", "esnext.disposable"],
        module: "nodenext",
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types: ["node"],
        typeRoots: [join(ROOT, "node_modules/@types")],
        ...more,
      };
      const config = join(project.directory, `tsconfig.${file}.json`);
      await writeFile(config, JSON.stringify({ compilerOptions, files: [file] }));
      expect(await check(join(BIN, "tsc"), ["--project", config], project.directory)).toBe("");
    },
    60_000,
  );
});
