import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { BUNDLED } from "../scripts/bundled-packages.ts";
import { ENTRIES } from "../scripts/entries.ts";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** Rooms from the roof down: what stands higher may use what stands lower, never the other way. */
const FLOORS: readonly (readonly string[])[] = [
  ["cli"],
  ["index.ts", "testing", "forges", "migration", "opentelemetry", "postgres", "prometheus"],
  ["decisions"],
  ["delivery"],
  ["registry"],
  ["upload"],
  ["execution", "binary-cache"],
  ["config", "audit", "commands", "credentials"],
  ["policy"],
  ["host"],
  ["core"],
];

/** The rooms inside of a room, likewise. `*` is what lies in the room itself. */
const INNER_FLOORS: Readonly<Record<string, readonly string[]>> = {
  config: ["*", "rules", "schema", "destination", "text"],
};

/** The one file that imports each package. */
const DOORS: Readonly<Record<string, string>> = {
  "@aws-sdk/credential-provider-ini": "credentials/sources/aws-profile.ts",
  "@aws-sdk/client-secrets-manager": "credentials/sources/aws-secrets-manager.ts",
  "@aws-sdk/credential-provider-web-identity": "credentials/sources/assume-web-identity.ts",
  "@smithy/signature-v4": "binary-cache/s3-signer.ts",
  "@humanwhocodes/momoa": "config/text/json-text.ts",
  "@standard-schema/spec": "core/standard-schema.ts",
  "http-proxy-agent": "host/proxy-agents.ts",
  "https-proxy-agent": "host/proxy-agents.ts",
  leven: "core/suggestion.ts",
  "@stricli/core": "cli/stricli.ts",
  "cli-progress": "cli/progress-bars.ts",
  "@opentelemetry/api": "opentelemetry/queue-telemetry.ts",
  "node-vault": "credentials/sources/vault-client.ts",
  pg: "postgres/postgres-pool.ts",
  picomatch: "policy/pattern.ts",
  "prom-client": "prometheus/prometheus-metrics.ts",
  tinyexec: "execution/process-run.ts",
  toml: "config/text/toml-text.ts",
  "xz-decompress": "binary-cache/xz-decoder.ts",
};

/** valibot is the language of schemas; it stays in the rooms that have some. */
const VALIBOT = [
  "config/schema/credential-entries.ts",
  "config/schema/faultless-value.ts",
  "config/schema/push-rules-schema.ts",
  "config/schema/repository-schema.ts",
  "config/schema/schema-issues.ts",
  "config/schema/schema-table.ts",
  "config/schema/server-schema.ts",
  "config/schema/text-schemas.ts",
  "config/schema/vault-entry.ts",
  "config/schema/whole-number.ts",
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));

const sources = new Map(
  files.map((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    return [file, ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)] as const;
  }),
);

function collectImports(file: string, source: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean, lazy: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const from = text.startsWith(".") ? join(dirname(file), text) : text;
    imports.push({ file, from, typeOnly, lazy });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.isTypeOnly === true, false);
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, false);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    if (ts.isCallExpression(node) && node.expression.getText() === "lateModule")
      add(node.arguments[0], false, true);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

const imports = [...sources].flatMap(([file, source]) => collectImports(file, source));
const isOwn = (from: string): boolean => files.includes(from);
const roomOf = (file: string): string => file.split("/")[0] ?? file;
const floorOf = (file: string): number => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));

/** The place among the rooms of its room; 0 where a room has none that are ordered. */
function innerFloorOf(file: string): number {
  const [room = "", ...inside] = file.split("/");
  const floors = INNER_FLOORS[room];
  return floors === undefined ? 0 : floors.indexOf(inside.length > 1 ? (inside[0] ?? "*") : "*");
}

describe("the house", () => {
  it("has a floor for every file", () => {
    expect(files.filter((file) => floorOf(file) === -1)).toEqual([]);
    expect(files.length).toBeGreaterThan(60);
  });

  it("is imported downwards only", () => {
    const upwards = imports.filter(({ file, from }) => isOwn(from) && floorOf(from) < floorOf(file));
    expect(upwards).toEqual([]);
  });

  it("is imported downwards only inside of a room, too", () => {
    const upwards = imports.filter(({ file, from }) => {
      const room = roomOf(file);
      if (!Object.hasOwn(INNER_FLOORS, room) || !isOwn(from) || roomOf(from) !== room) return false;
      return innerFloorOf(from) < innerFloorOf(file);
    });
    expect(upwards).toEqual([]);
    expect(files.filter((file) => innerFloorOf(file) === -1)).toEqual([]);
  });

  it("has a program that uses the entries and nothing behind them", () => {
    const entries = ["index.ts", ...ENTRIES.map((name) => `${name}/index.ts`)];
    const behind = imports.filter(
      ({ file, from }) =>
        roomOf(file) === "cli" && isOwn(from) && roomOf(from) !== "cli" && !entries.includes(from),
    );
    expect(behind).toEqual([]);
    expect(imports.some(({ file }) => roomOf(file) === "cli")).toBe(true);
  });

  it("has rooms on one floor that do not know each other", () => {
    const sideways = imports.filter(
      ({ file, from }) => isOwn(from) && floorOf(from) === floorOf(file) && roomOf(from) !== roomOf(file),
    );
    expect(sideways).toEqual([]);
  });

  it("has no circles, of types neither", () => {
    const edges = new Map(
      files.map((file) => [
        file,
        imports.filter((entry) => entry.file === file && isOwn(entry.from)).map(({ from }) => from),
      ]),
    );
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      expect(path, "a circle of imports").not.toContain(file);
      if (done.has(file)) return;
      for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) walk(file, []);
  });

  it("has one door for each package, and cloud SDKs behind lazy ones", () => {
    const packages = imports.filter(({ from }) => !isOwn(from) && !from.startsWith("node:"));
    for (const { file, from, lazy } of packages) {
      if (from === "valibot") expect(VALIBOT).toContain(file);
      else expect(DOORS[from], `${file} imports ${from}`).toBe(file);
      if (from.startsWith("@aws-sdk/") || from === "node-vault" || from === "pg")
        expect(lazy, `${file} imports ${from}`).toBe(true);
    }
    expect(new Set(packages.map(({ from }) => from))).toEqual(new Set(["valibot", ...Object.keys(DOORS)]));
  });

  it("has declared every package that it imports", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    const brought = [
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.peerDependencies),
      ...BUNDLED,
    ];
    expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(Object.keys(manifest.peerDependencies));
    expect(brought.sort()).toEqual(["valibot", ...Object.keys(DOORS)].sort());
    expect(BUNDLED.filter((name) => !(name in manifest.devDependencies))).toEqual([]);
  });

  it("keeps policy and commands pure", () => {
    const impure = imports.filter(
      ({ file, from }) => ["policy", "commands"].includes(roomOf(file)) && from.startsWith("node:"),
    );
    expect(impure).toEqual([]);
  });

  it("reads environment, clock, randomness and network in host/runtime.ts alone", () => {
    const worlds: string[] = [];
    for (const [file, source] of sources) {
      // A program has its own process.
      if (file === "host/runtime.ts" || file === "cli/main.ts") continue;
      const visit = (node: ts.Node): void => {
        const text = node.getText();
        if (
          ts.isPropertyAccessExpression(node) &&
          /^(?:process\.(?:env|cwd)|Date\.now|Math\.random|performance\.now)$/u.test(text)
        ) {
          worlds.push(`${file}: ${text}`);
        }
        if (ts.isNewExpression(node) && text === "new Date()") worlds.push(`${file}: ${text}`);
        if (
          roomOf(file) !== "testing" &&
          ts.isCallExpression(node) &&
          /^(?:fetch|setTimeout|setInterval)$/u.test(node.expression.getText())
        )
          worlds.push(`${file}: ${text}`);
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(worlds).toEqual([]);
  });

  it("exposes secrets only where a child, its private files or a check of their form need them", () => {
    const exposing = files.filter((file) => /\.expose\(\)/u.test(withoutComments(file)));
    expect(exposing.sort()).toEqual(
      [
        "commands/attic.ts",
        "commands/http-authorization.ts",
        "commands/netrc.ts",
        // The region, which is no secret.
        "commands/s3-credentials.ts",
        "binary-cache/path-signature.ts",
        "binary-cache/s3-signer.ts",
        "credentials/check-credentials.ts",
        "credentials/sources/aws-identity.ts",
        "credentials/sources/instance-metadata/web-identity.ts",
        "credentials/sources/vault-proof.ts",
        "execution/child-environment.ts",
        "execution/secrets-of.ts",
        "execution/work-dir.ts",
      ]
        .concat(["testing/describe-cache-type.ts", "testing/describe-credential-provider.ts"])
        .sort(),
    );
  });

  it("keeps files under 250 lines, not counting documentation, and functions under 45", () => {
    const long: string[] = [];
    for (const [file, source] of sources) {
      const lines = withoutComments(file)
        .split("\n")
        .filter((line) => line.trim() !== "").length;
      if (lines > 250) long.push(`${file}: ${lines} lines`);
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
          const length = node.getText().split("\n").length;
          if (length > 45) long.push(`${file}: ${length} lines at ${node.getText().slice(0, 40)}`);
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(long).toEqual([]);
  });
});

function withoutComments(file: string): string {
  const source = sources.get(file);
  if (source === undefined) return "";
  const printer = ts.createPrinter({ removeComments: true });
  return printer.printFile(source);
}
