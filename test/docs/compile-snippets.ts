import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ENTRIES, sourceOf } from "../../scripts/entries.ts";
import { rootDirectory, type Snippet } from "./snippets.ts";

const ENTRY_POINTS: Readonly<Record<string, string>> = Object.fromEntries([
  ["@eka-ci/caches", sourceOf("index")],
  ...ENTRIES.map((name) => [`@eka-ci/caches/${name}`, sourceOf(name)]),
]);

/** Names that the package exports, by entry point. */
export function listExports(): ReadonlyMap<string, readonly ts.Symbol[]> {
  const program = ts.createProgram(Object.values(ENTRY_POINTS), readOptions());
  const checker = program.getTypeChecker();
  return new Map(
    Object.entries(ENTRY_POINTS).map(([name, path]) => {
      const file = program.getSourceFile(path);
      const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${path} is no module`);
      const symbols = checker.getExportsOfModule(module);
      return [
        name,
        symbols.map((symbol) =>
          symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
        ),
      ];
    }),
  );
}

/**
 * Compiles each snippet as a module of its own, which imports by itself what the package exports and the
 * snippet names without declaring it. Returns what the compiler says.
 */
export function compileSnippets(snippets: readonly Snippet[]): readonly string[] {
  const exported = new Map(
    [...listExports()].flatMap(([entry, symbols]) => symbols.map(({ name }) => [name, entry] as const)),
  );
  const sources = new Map(
    snippets.map((snippet, index) => {
      const path = join(rootDirectory, `test/docs/snippet-${index}.ts`);
      return [path, { snippet, text: addImports(snippet.code, exported) }] as const;
    }),
  );
  const options = { ...readOptions(), verbatimModuleSyntax: false, noUnusedLocals: false };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = sources.get(path)?.text;
    return text === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, text, version);
  };
  const globals = join(rootDirectory, "test/docs/snippet-globals.ts");
  const program = ts.createProgram([globals, ...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const source = file === undefined ? undefined : sources.get(file.fileName);
    const message = ts.flattenDiagnosticMessageText(messageText, " ");
    if (file === undefined || source === undefined) return `${file?.fileName}: ${message}`;
    const line = source.text.slice(0, start).split("\n").length - 2;
    return `${source.snippet.place}, line ${line} of it: ${message}`;
  });
}

/** Imports go on one line, so that lines of the snippet are easily counted. */
function addImports(code: string, exported: ReadonlyMap<string, string>): string {
  const used = new Set(code.match(/[A-Za-z_$][\w$]*/gu) ?? []);
  const imports = [...exported].flatMap(([name, entry]) => {
    const declared = new RegExp(
      `(?:const|class|function|interface|type|import\\s*\\{[^}]*)\\s${name}\\b`,
      "u",
    );
    return used.has(name) && !declared.test(code) ? `import { ${name} } from "${entry}"; ` : [];
  });
  const valibot =
    /\bv\.\w/u.test(code) && !code.includes('from "valibot"') ? 'import * as v from "valibot"; ' : "";
  return `${valibot}${imports.join("")}export {};\n${code}`;
}

function readOptions(): ts.CompilerOptions {
  const path = join(rootDirectory, "tsconfig.json");
  const { config } = ts.parseConfigFileTextToJson(path, readFileSync(path, "utf8"));
  return ts.parseJsonConfigFileContent(config, ts.sys, rootDirectory).options;
}
