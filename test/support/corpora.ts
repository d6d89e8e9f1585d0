import { existsSync } from "node:fs";
import { it } from "vitest";

/** Public test data that lies beside the checkout on some machines; it is no part of this project. */
export const CORPORA = new URL("../../../shared/corpora/", import.meta.url);

const isPresent = existsSync(CORPORA);

/** Defines a test that reads the corpora; where they are not, it is skipped by name. */
export function itWithCorpora(name: string, test: () => void): void {
  if (!isPresent) console.warn(`skipped, since the public corpora are not beside the checkout: ${name}`);
  it.runIf(isPresent)(`${name} (with the corpora)`, test);
}
