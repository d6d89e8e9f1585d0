import type { HttpDestination, S3Destination, StoreParameter } from "../core/cache.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import { PASSIVE_OPTIONS, TELL_PROGRESS } from "./store-access.ts";
import { checkStorePaths, type StorePathOptions } from "./store-path.ts";

/** What Nix writes into a cache, but not into files. */
const NOT_STAGED: ReadonlySet<string> = new Set(["index-debug-info"]);

/** Parameters for the compression of small files during upload. Build logs are not pushed. */
const COMPRESSIONS: ReadonlySet<string> = new Set(["narinfo-compression", "ls-compression"]);
const UNCOMPRESSED: ReadonlySet<string> = new Set(["", "none"]);

/** Settings of how staged files are written. */
const STAGED: ReadonlySet<string> = new Set([
  "compression",
  "compression-level",
  "parallel-compression",
  "write-nar-listing",
  "priority",
  "want-mass-query",
]);

/** How small files are compressed during upload. */
export type FileEncoding = "gzip" | "br";

/**
 * The parameters of a destination that also apply to staging, or the name of one that does not.
 */
export type StagingParameters =
  | {
      readonly success: true;
      readonly parameters: readonly StoreParameter[];
      readonly narinfoEncoding?: FileEncoding | undefined;
      readonly listingEncoding?: FileEncoding | undefined;
    }
  | { readonly success: false; readonly parameter: string };

/** Finds the parameters for staging. */
export function toStagingParameters(destination: S3Destination | HttpDestination): StagingParameters {
  const all = destination.type === "s3" ? destination.parameters : readParameters(destination.url);
  const other = all.find(
    ({ name, value }) => NOT_STAGED.has(name) || (COMPRESSIONS.has(name) && !isKnownCompression(value)),
  );
  if (other !== undefined) return { success: false, parameter: other.name };
  return {
    success: true,
    parameters: all.filter(({ name }) => STAGED.has(name)),
    narinfoEncoding: findEncoding(all, "narinfo-compression"),
    listingEncoding: findEncoding(all, "ls-compression"),
  };
}

function isKnownCompression(value: string): boolean {
  return UNCOMPRESSED.has(value) || isFileEncoding(value);
}

function isFileEncoding(value: string): value is FileEncoding {
  return value === "gzip" || value === "br";
}

function findEncoding(parameters: readonly StoreParameter[], name: string): FileEncoding | undefined {
  const value = parameters.find((parameter) => parameter.name === name)?.value ?? "";
  return isFileEncoding(value) ? value : undefined;
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
  /** Absolute path of the directory for temporary files of Nix; default the command's work directory. */
  readonly temporaryDirectory?: string | undefined;
  /** Whether Nix reports progress; default false. */
  readonly progress?: boolean | undefined;
}

/**
 * Builds the command with which Nix writes narinfos and NARs of some paths, without their references, into a
 * directory. It has neither a network nor credentials.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildStagingCommand(
  storePaths: readonly string[],
  { directory, parameters, temporaryDirectory, progress = false, storeDirectory }: StagingOptions,
): CommandSpec {
  const query = parameters.map(({ name, value }) => `${name}=${value}`).join("&");
  const store = `file://${directory}${query === "" ? "" : `?${query}`}`;
  const args = [
    ...["--extra-experimental-features", "nix-command", ...(progress ? TELL_PROGRESS : [])],
    ...["copy", "--no-recursive", "--no-check-sigs"],
    ...PASSIVE_OPTIONS,
    ...["--to", store, "--", ...checkStorePaths(storePaths, { storeDirectory })],
  ];
  const logFormat = progress ? "nix-internal-json" : undefined;
  const temporary = temporaryDirectory === undefined ? [] : [["TMPDIR", temporaryDirectory] as const];
  return { file: "nix", args, env: new Map([...privateHome(), ...temporary]), files: [], logFormat };
}
