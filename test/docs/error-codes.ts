import { readFileSync } from "node:fs";

/** The codes of each class of errors, as `src/core/error-codes.ts` has them. */
export function readErrorCodes(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(new URL("../../src/core/error-codes.ts", import.meta.url), "utf8");
  const unions = [...text.matchAll(/readonly (\w+Error):([^;]*);/gu)];
  return new Map(unions.map(([, name = "", union = ""]) => [name, union.match(/ERR_\w+/gu) ?? []]));
}
