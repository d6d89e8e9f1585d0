import { findOrigin } from "./origin.ts";
import type { ServerConfig } from "./server-model.ts";
import type { SourceRange } from "./text/diagnostic.ts";
import { findRange } from "./text/place-problems.ts";

/**
 * Where a setting stands.
 *
 * @public
 */
export interface SettingPlace {
  /** Name of the file or text. */
  readonly source: string;
  /** Where in it. */
  readonly range: SourceRange;
}

/**
 * Finds the place of a setting in the file of a server's configuration. The file is not read again; the text
 * that was read is used.
 *
 * @param config - a configuration that came from a `parse…` or `load…` function
 * @param path - keys and indexes, as in a {@link Diagnostic}; if nothing is there, the nearest place above it
 * is found
 * @returns nothing for a configuration that was written by hand or copied
 *
 * @example
 * ```ts
 * const place = locateSetting(serverConfig, ["caches", 0, "permissions", "allowed_repos", 1]);
 * if (place !== undefined) log(`${place.source}:${place.range.start.line}`);
 * ```
 *
 * @public
 */
export function locateSetting(
  config: ServerConfig,
  path: readonly (string | number)[],
): SettingPlace | undefined {
  const origin = findOrigin(config);
  if (origin === undefined) return undefined;
  const range = findRange(origin.about, path);
  return range === undefined ? undefined : { source: origin.about.source, range };
}
