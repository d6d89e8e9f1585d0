import { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";

/** The store directory of almost every Nix installation. */
export const DEFAULT_STORE_DIRECTORY = "/nix/store";

/**
 * A parsed store path.
 *
 * @public
 */
export interface StorePath {
  /** The whole path. */
  readonly path: string;
  /** The 32 characters that identify it. */
  readonly hash: string;
  /** Its name, after the hash. */
  readonly name: string;
}

/**
 * Options of {@link parseStorePath}.
 *
 * @example
 * ```ts
 * parseStorePath("/gnu/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello", { storeDirectory: "/gnu/store" });
 * ```
 *
 * @public
 */
export interface StorePathOptions {
  /** The store's directory, absolute, without a trailing slash; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
}

// The grammar of Nix's path.cc: 32 digits of its base 32 (no e, o, t, u), a hyphen, and a name that is
// neither `.` nor `..`, alone or before a hyphen.
const BASE_NAME = /^([0-9abcdfghijklmnpqrsvwxyz]{32})-((?!\.\.?(?:-|$))[0-9A-Za-z+\-._?=]{1,211})$/u;

/**
 * Reads a store path by Nix's own grammar. It refuses what Nix would read as a flake, an expression or a path
 * inside a store path.
 *
 * @param value - an absolute path directly below the store directory
 * @param options - where the store is
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 *
 * @example
 * ```ts
 * parseStorePath("/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12").name; // "hello-2.12"
 * ```
 *
 * @public
 */
export function parseStorePath(value: string, options: StorePathOptions = {}): StorePath {
  const directory = `${options.storeDirectory ?? DEFAULT_STORE_DIRECTORY}/`;
  // Programs without types may pass anything.
  const [, hash, name] =
    typeof value === "string" && value.startsWith(directory)
      ? (BASE_NAME.exec(value.slice(directory.length)) ?? [])
      : [];
  if (hash === undefined || name === undefined) {
    throw new CommandError(
      "ERR_STORE_PATH_INVALID",
      `${quoteName(describeValue(value), 256)} is not a store path`,
    );
  }
  return { path: value, hash, name };
}

// Not every value can be turned into a text.
function describeValue(value: unknown): string {
  return typeof value === "object" || typeof value === "function" ? typeof value : String(value);
}

/**
 * Checks the paths of a push: at least one, each a store path, no derivation. Duplicates are dropped.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function checkStorePaths(values: readonly string[], options: StorePathOptions): readonly string[] {
  if (values.length === 0) throw new CommandError("ERR_STORE_PATH_INVALID", "There is no store path to push");
  for (const value of values) {
    // Depending on its version, `nix copy` builds a derivation or publishes its sources.
    if (parseStorePath(value, options).name.endsWith(".drv")) {
      throw new CommandError("ERR_STORE_PATH_INVALID", `${value} is a derivation; push its outputs instead`);
    }
  }
  return [...new Set(values)];
}

/**
 * The store paths of some references; narinfos and newer versions of Nix write base names.
 *
 * @param storeDirectory - absolute, without a trailing slash
 */
export function toReferencePaths(references: readonly string[], storeDirectory: string): readonly string[] {
  return references.map((name) => (name.startsWith("/") ? name : `${storeDirectory}/${name}`));
}
