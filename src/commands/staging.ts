import type { HttpDestination, S3Destination, StoreParameter } from "../core/cache.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import { PASSIVE_OPTIONS } from "./store-access.ts";
import { checkStorePaths, type StorePathOptions } from "./store-path.ts";

/** What Nix writes otherwise into files than into a cache, or not at all. */
const NOT_STAGED: ReadonlySet<string> = new Set([
  "index-debug-info",
  "narinfo-compression",
  "ls-compression",
  "log-compression",
]);

/** Settings that say how what is staged is written. */
const STAGED: ReadonlySet<string> = new Set([
  "compression",
  "compression-level",
  "parallel-compression",
  "write-nar-listing",
  "priority",
  "want-mass-query",
]);

/** The parameters of a destination that nix can write as it would write them there, or the name of one that it cannot. */
export type StagingParameters =
  | { readonly success: true; readonly parameters: readonly StoreParameter[] }
  | { readonly success: false; readonly parameter: string };

/** Finds the parameters for staging. */
export function toStagingParameters(destination: S3Destination | HttpDestination): StagingParameters {
  const all = destination.type === "s3" ? destination.parameters : readParameters(destination.url);
  const other = all.find(({ name }) => NOT_STAGED.has(name));
  if (other !== undefined) return { success: false, parameter: other.name };
  return { success: true, parameters: all.filter(({ name }) => STAGED.has(name)) };
}

function readParameters(url: string): readonly StoreParameter[] {
  const [, query = ""] = url.split("?");
  return query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", ...rest] = part.split("=");
      return { name, value: rest.join("=") };
    });
}

/** Options of {@link buildStagingCommand}. */
export interface StagingOptions extends StorePathOptions {
  /** Absolute path of the directory that becomes a binary cache. */
  readonly directory: string;
  readonly parameters: readonly StoreParameter[];
}

/**
 * Builds the command by which nix writes narinfos and NARs of some paths, without their references, into a directory. It has neither a
 * network nor credentials.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildStagingCommand(
  storePaths: readonly string[],
  { directory, parameters, storeDirectory }: StagingOptions,
): CommandSpec {
  const query = parameters.map(({ name, value }) => `${name}=${value}`).join("&");
  const store = `file://${directory}${query === "" ? "" : `?${query}`}`;
  const args = [
    ...["--extra-experimental-features", "nix-command", "copy", "--no-recursive", "--no-check-sigs"],
    ...PASSIVE_OPTIONS,
    ...["--to", store, "--", ...checkStorePaths(storePaths, { storeDirectory })],
  ];
  return { file: "nix", args, env: privateHome(), files: [] };
}
