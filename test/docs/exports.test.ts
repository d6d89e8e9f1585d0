import ts from "typescript";
import { describe, expect, it } from "vitest";
import { listExports } from "./compile-snippets.ts";
import { readErrorCodes } from "./error-codes.ts";

/** What is wrong with the documentation of an export. */
function findProblems(symbol: ts.Symbol): string[] {
  const tags = symbol.getJsDocTags();
  const names = tags.map(({ name }) => name);
  const problems = [
    symbol.getDocumentationComment(undefined).length === 0 ? "says nothing" : "",
    names.includes("public") ? "" : "has no release tag",
    names.includes("example") || !owesExample(symbol) ? "" : "has no example",
    ...readThrows(symbol).map(checkThrows),
    ...findUndocumentedMembers(symbol),
  ];
  return problems.filter((problem) => problem !== "").map((problem) => `${symbol.name} ${problem}`);
}

/** Functions, classes and bags of options are shown in use; a type says itself what it is. */
function owesExample(symbol: ts.Symbol): boolean {
  const isType = (symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) !== 0;
  const isClass = (symbol.flags & ts.SymbolFlags.Class) !== 0;
  return !isType || isClass || /(?:Options|Init|Input|Request|Suite)$/u.test(symbol.name);
}

/** What stands behind each `@throws`, also of members, as it is written. */
function readThrows(symbol: ts.Symbol): string[] {
  const members = [...(symbol.members?.values() ?? [])].flatMap((member) => member.declarations ?? []);
  const comments = [...(symbol.declarations ?? []), ...members]
    .flatMap((declaration) => ts.getJSDocCommentsAndTags(declaration))
    .filter(ts.isJSDoc)
    .map((comment) => comment.getText().replaceAll(/^\s*\*/gmu, ""));
  return comments.flatMap((text) =>
    text.split(/^ @/mu).flatMap((tag) => (tag.startsWith("throws ") ? [tag] : [])),
  );
}

/** Classes with a code each, of those that the classes have; mistakes of the program itself have none. */
function checkThrows(text: string): string {
  const classes = [...text.matchAll(/\{@link (\w+Error)\}/gu)].map(([, name = ""]) => name);
  if (classes.length === 0)
    return /^throws (?:TypeError|RangeError)/u.test(text) ? "" : `throws no class: ${text}`;
  const possible = classes.flatMap((name) => readErrorCodes().get(name) ?? []);
  const codes = text.match(/ERR_\w+/gu) ?? [];
  const foreign = codes.filter((code) => !possible.some((known) => known.startsWith(code)));
  if (codes.length === 0) return `throws ${classes.join(", ")} without a code`;
  return foreign.length === 0 ? "" : `throws codes that are of no such class: ${foreign.join(", ")}`;
}

function findUndocumentedMembers(symbol: ts.Symbol): string[] {
  const declared = symbol.declarations?.some(
    (declaration) => ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration),
  );
  if (declared !== true) return [];
  return [...(symbol.members ?? new Map<string, ts.Symbol>())].flatMap(([name, member]) => {
    const declaration = member.declarations?.[0];
    if (declaration !== undefined && (ts.isTypeParameterDeclaration(declaration) || isLiteral(declaration)))
      return [];
    const isPrivate =
      declaration !== undefined &&
      ts.isPropertyDeclaration(declaration) &&
      ts.isPrivateIdentifier(declaration.name);
    const isHidden = isPrivate || String(name).startsWith("__") || String(name).includes("#");
    return isHidden || member.getDocumentationComment(undefined).length > 0
      ? []
      : [`has a member ${String(name)} that nobody explains`];
  });
}

/** A member of one possible value, as the tag of a union, needs no explanation. */
function isLiteral(declaration: ts.Declaration): boolean {
  return (
    (ts.isPropertySignature(declaration) || ts.isPropertyDeclaration(declaration)) &&
    declaration.type !== undefined &&
    ts.isLiteralTypeNode(declaration.type)
  );
}

describe("every export", () => {
  for (const [entry, symbols] of listExports()) {
    it(`of ${entry} is explained, tagged and shown in an example`, () => {
      expect(symbols.length).toBeGreaterThan(2);
      expect(symbols.flatMap(findProblems)).toEqual([]);
    });
  }
});
