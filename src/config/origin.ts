import type { ProblemText } from "./text/place-problems.ts";

/** Where a configuration came from. */
export interface Origin {
  readonly about: ProblemText;
  /** The ids that each job of a repository names, in the order of the file, with duplicates. */
  readonly cacheIds?: ReadonlyMap<string, readonly string[]> | undefined;
}

// A configuration is plain data that may be written by hand. Only this module knows the text it came from, if
// any.
const origins = new WeakMap<object, Origin>();

/** Remembers the text that a configuration was read from, for problems that are found later. */
export function rememberOrigin<T extends object>(config: T, origin: Origin): T {
  origins.set(config, origin);
  return config;
}

/** The text that a configuration was read from, unless it was written by hand or copied. */
export function findOrigin(config: object): Origin | undefined {
  return origins.get(config);
}
