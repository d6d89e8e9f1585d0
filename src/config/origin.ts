import type { ProblemText } from "./place-problems.ts";

// A configuration is plain data that may be written by hand; the text it came from, if any, is known here alone.
const origins = new WeakMap<object, ProblemText>();

/** Remembers the text that a configuration was read from, for problems that are found later. */
export function rememberOrigin<T extends object>(config: T, about: ProblemText): T {
  origins.set(config, about);
  return config;
}

/** The text that a configuration was read from, unless it was written by hand or copied. */
export function findOrigin(config: object): ProblemText | undefined {
  return origins.get(config);
}
