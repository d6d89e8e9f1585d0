import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { safeParseRepositoryConfig, safeParseServerConfig } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { BUNDLED } from "../../scripts/bundled-packages.ts";
import { DIAGNOSTIC_GUIDE, ERROR_GUIDE, type Guide } from "../../scripts/error-guide.ts";
import { makeErrorPage } from "../../scripts/error-page.ts";
import { compileSnippets } from "./compile-snippets.ts";
import { readErrorCodes } from "./error-codes.ts";
import { DOCUMENTS, readDocument, readExamples, rootDirectory } from "./snippets.ts";

const read = (path: string): string => readFileSync(join(rootDirectory, path), "utf8");
const readJson = (path: string): unknown => JSON.parse(read(path));
const snippets = DOCUMENTS.flatMap(readDocument);
const inLanguage = (language: string) => snippets.filter((snippet) => snippet.language === language);

/** The names of all properties in a JSON Schema. */
function listKeys(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) => [
    ...(name === "properties" ? Object.keys(value) : []),
    ...listKeys(value),
  ]);
}

describe("code in documents", () => {
  it("and in the examples of the sources compiles", () => {
    const typescript = [...readExamples(), ...inLanguage("ts")];
    expect(typescript.length).toBeGreaterThan(100);
    expect(compileSnippets(typescript)).toEqual([]);
  }, 60_000);

  it("that is TOML loads, or belongs inside of a cache", () => {
    for (const { place, code } of inLanguage("toml")) {
      const isPart = code.startsWith("[caches.") && !code.includes("[[caches]]");
      const whole = '[[caches]]\nid = "x"\ncache_type = "cachix"\ndestination = "x"\n';
      const result = safeParseServerConfig(isPart ? whole + code : code);
      const errors = result.diagnostics.filter(({ severity }) => severity === "error");
      // A source of the host's own is known to its registry only.
      expect(errors, place).toEqual([]);
    }
    expect(inLanguage("toml").length).toBeGreaterThan(3);
  });

  it("that is JSON parses, and a repository's file loads", () => {
    for (const { place, code } of inLanguage("json")) {
      expect(() => JSON.parse(code), place).not.toThrow();
      if (code.includes('"jobs"')) expect(safeParseRepositoryConfig(code).success, place).toBe(true);
    }
  });

  it("that is YAML is a workflow among the examples, which actionlint reads", () => {
    const workflows = inLanguage("yaml").map(({ code }) => code);
    expect(workflows).toEqual([read("examples/github-actions/push.yml")]);
  });

  it("is of a language that is checked", () => {
    // nginx is run by the test of the servers' examples, js and text by that of the quick start; a picture
    // has no errors but those one sees.
    const checked = ["ts", "toml", "json", "sh", "nginx", "js", "text", "mermaid", "yaml"];
    expect(snippets.filter(({ language }) => !checked.includes(language))).toEqual([]);
  });
});

describe("the commands of the README", () => {
  const commands = readDocument("README.md")
    .filter(({ language }) => language === "sh")
    .flatMap(({ code }) => code.trim().split("\n"));

  it("are the newcomer's two, which CI runs as they are, and the installation, which the tarball's test does", () => {
    // The others are run by the tests of the quick start and of the command line.
    const own = commands.filter((command) => /^npm (?:install|ci)/u.test(command));
    expect(own).toEqual(["npm install @eka-ci/caches", "npm ci && npm run demo", "npm ci && npm test"]);
    expect(read(".ci/run")).toContain("node .ci/readme-commands.mjs");
    const printed = execFileSync("node", [".ci/readme-commands.mjs"], {
      cwd: rootDirectory,
      encoding: "utf8",
    });
    expect(printed.trim().split("\n")).toEqual(own.slice(1));
  });

  it("run: the demo", async () => {
    const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "demo"], { cwd: rootDirectory });
    expect(stdout).toContain("=> team-cache: pushed");
  });
});

describe("documents", () => {
  it("explain every key of both files", () => {
    const text = read("docs/configuration.md");
    const keys = ["schema/ekaci.json", "schema/repository.json"].flatMap((path) => listKeys(readJson(path)));
    expect(keys.length).toBeGreaterThan(30);
    expect(keys.filter((key) => !text.includes(`\`${key}\``) && !text.includes(`.${key}\``))).toEqual([
      // Known by its heading.
      "security",
    ]);
  });

  it("explain every code of errors and diagnostics, as the list of them says", () => {
    expect(read("docs/errors.md")).toBe(makeErrorPage());
  });

  it("explain a code in at most three sentences", () => {
    const guides = [...Object.values(ERROR_GUIDE), DIAGNOSTIC_GUIDE].flatMap((codes) =>
      Object.entries<Guide>(codes),
    );
    const codes = [...readErrorCodes().values()].flat();
    expect(
      guides
        .map(([code]) => code)
        .filter((code) => code.startsWith("ERR_"))
        .sort(),
    ).toEqual(codes.sort());
    const count = (text = ""): number => text.match(/[.](?: |$)/gu)?.length ?? 0;
    const long = guides.filter(([, { what, why, fix }]) => count(what) + count(why) + count(fix) > 3);
    expect(long.map(([code]) => code)).toEqual([]);
  });

  it("give a reason for every dependency, and for no other", () => {
    const { dependencies, peerDependencies, devDependencies } = readJson("package.json") as Record<
      string,
      object
    >;
    const page = read("docs/dependencies.md");
    const [, own = "", optional = "", bundled = "", development = ""] =
      /^(.*)## Optional(.*)## Bundled(.*)## For development(.*)$/su.exec(page) ?? [];
    const listed = (text: string): string[] =>
      [...text.matchAll(/^\| (`.*?) \|/gmu)].flatMap(([, cell = ""]) =>
        [...cell.matchAll(/`([^`]+)`/gu)].map(([, name = ""]) => name),
      );
    const isBundled = (name: string): boolean => BUNDLED.includes(name);
    expect(listed(own).sort()).toEqual(Object.keys(dependencies ?? {}).sort());
    expect(listed(optional).sort()).toEqual(Object.keys(peerDependencies ?? {}).sort());
    expect(listed(bundled).sort()).toEqual([...BUNDLED].sort());
    const others = Object.keys(devDependencies ?? {}).filter((name) => !isBundled(name));
    expect(listed(development).sort()).toEqual(others.sort());
  });

  it("keep to the formatter's width, but for tables and code", () => {
    const { formatter } = readJson("biome.json") as { formatter: { lineWidth: number } };
    const long = DOCUMENTS.flatMap((path) => {
      const prose = read(path)
        .replaceAll(/^```[\s\S]*?^```$/gmu, "")
        .replace(/^---\n[\s\S]*?\n---\n/u, "");
      const lines = prose.split("\n").filter((line) => !line.startsWith("|") && line.includes(" "));
      return lines.filter(({ length }) => length > formatter.lineWidth).map((line) => `${path}: ${line}`);
    });
    expect(long).toEqual([]);
  });

  it("lead only to pages, headings and files that are there", () => {
    const broken = DOCUMENTS.flatMap((path) => {
      const text = read(path);
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/gu)].map(
        ([, to = "", heading]) => ({
          to: to === "" ? path : join(path, "..", to),
          heading,
        }),
      );
      const files = [
        ...text.matchAll(/`((?:test|examples|docs|etc|bench|schema|src)\/[\w./-]+\.\w+)`/gu),
      ].map(([, to = ""]) => ({ to, heading: undefined }));
      return [...links, ...files]
        .filter(({ to, heading }) => !leadsSomewhere(to, heading))
        .map(({ to }) => `${path}: ${to}`);
    });
    expect(broken).toEqual([]);
  });
});

function leadsSomewhere(path: string, heading: string | undefined): boolean {
  if (!existsSync(join(rootDirectory, path))) return false;
  if (heading === undefined) return true;
  const headings = [...read(path).matchAll(/^#+ (.*)$/gmu)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/gu, "")
      .replaceAll(" ", "-"),
  );
  return headings.includes(heading);
}
