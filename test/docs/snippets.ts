import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** A piece of code in a document or in the documentation of an export. */
export interface Snippet {
  /** Where it stands, as `docs/delivery.md:12`. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

/** Every document of the project. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(new URL("docs", ROOT), { encoding: "utf8", recursive: true })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The fenced code of a document; a fence begins with the name of its language. */
export function readDocument(path: string): readonly Snippet[] {
  return findFences(path, read(path).split("\n"));
}

/** The examples in the documentation of the sources. */
export function readExamples(): readonly Snippet[] {
  const paths = readdirSync(new URL("src", ROOT), { encoding: "utf8", recursive: true });
  return paths
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => {
      const lines = read(`src/${path}`).split("\n");
      return findFences(
        `src/${path}`,
        lines.map((line) => /^\s*\* ?(.*)$/u.exec(line)?.[1] ?? ""),
      );
    });
}

function findFences(path: string, lines: readonly string[]): Snippet[] {
  const snippets: Snippet[] = [];
  let open: { language: string; line: number; code: string[] } | undefined;
  for (const [index, line] of lines.entries()) {
    if (open === undefined) {
      const language = /^```(\S+)$/u.exec(line)?.[1];
      if (language !== undefined) open = { language, line: index + 1, code: [] };
    } else if (line.startsWith("```")) {
      snippets.push({
        place: `${path}:${open.line}`,
        language: open.language,
        code: `${open.code.join("\n")}\n`,
      });
      open = undefined;
    } else open.code.push(line);
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the code does not end`);
  return snippets;
}

/** Path of the project. */
export const rootDirectory = fileURLToPath(ROOT);
