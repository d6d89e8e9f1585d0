import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

it("the page on diagnostics explains every code, and no other", () => {
  const [, union = ""] =
    /export type DiagnosticCode =([^;]*);/u.exec(read("src/config/text/diagnostic.ts")) ?? [];
  const codes = [...union.matchAll(/"([a-z-]+)"/gu)].map(([, code]) => code);
  const [, table = ""] = /## Codes\n([\s\S]*?)\n## /u.exec(read("docs/diagnostics.md")) ?? [];
  const explained = [...table.matchAll(/^\| (.*?) \|/gmu)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([a-z-]+)`/gu)].map(([, code]) => code),
  );
  expect(codes.length).toBeGreaterThan(30);
  expect(explained.sort()).toEqual(codes.sort());
});
