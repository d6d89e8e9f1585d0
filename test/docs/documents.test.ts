import { describe, expect, it } from "vitest";
import { compileSnippets } from "./compile-snippets.ts";
import { DOCUMENTS, readDocument, readExamples } from "./snippets.ts";

describe("code in documents and examples", () => {
  it("compiles", () => {
    const snippets = [...readExamples(), ...DOCUMENTS.flatMap(readDocument)];
    const typescript = snippets.filter(({ language }) => language === "ts");
    expect(typescript.length).toBeGreaterThan(30);
    expect(compileSnippets(typescript)).toEqual([]);
  }, 60_000);
});
