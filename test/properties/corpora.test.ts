import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DiagnosticCode, safeParseRepositoryConfig, safeParseServerConfig } from "@eka-ci/caches";
import { describe, expect } from "vitest";
import { CORPORA, itWithCorpora } from "../support/corpora.ts";

const codesOf = (diagnostics: readonly { readonly code: DiagnosticCode }[]) =>
  diagnostics.map(({ code }) => code);

describe("texts of the corpora", () => {
  itWithCorpora("of JSON are syntax errors where they must be, and never where they must not", () => {
    const folder = new URL("json-test-suite/test_parsing/", CORPORA);
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(300);
    const unexpected = names.filter((name) => {
      const codes = codesOf(
        safeParseRepositoryConfig(readFileSync(join(fileURLToPath(folder), name))).diagnostics,
      );
      const isSyntax = codes.some((code) =>
        /^(?:json-syntax|invalid-encoding|nesting-too-deep)$/u.test(code),
      );
      return (name.startsWith("n_") && !isSyntax) || (name.startsWith("y_") && isSyntax);
    });
    expect(unexpected).toEqual([]);
  });

  itWithCorpora("of TOML 1.1 are syntax errors where they must be, and never where they must not", () => {
    const folder = new URL("toml-test/tests/", CORPORA);
    const list = readFileSync(new URL("files-toml-1.1.0", folder), "utf8").split("\n");
    const names = list.filter((name) => name.endsWith(".toml"));
    expect(names.length).toBeGreaterThan(600);
    const unexpected = names.filter((name) => {
      const codes = codesOf(
        safeParseServerConfig(readFileSync(join(fileURLToPath(folder), name))).diagnostics,
      );
      const isSyntax = codes.some((code) => code === "toml-syntax" || code === "invalid-encoding");
      return isSyntax !== name.startsWith("invalid/");
    });
    // JavaScript has no 64-bit integers, and a number that it cannot hold is refused rather than rounded.
    expect(unexpected.filter((name) => !/integer\/long|spec.*\/integer-/u.test(name))).toEqual([]);
  });
});
