import { readFileSync } from "node:fs";

/** Reads a fixture of `test/fixtures`. */
export function readFixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), "utf8");
}
