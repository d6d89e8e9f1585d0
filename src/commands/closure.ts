import { type CommandSpec, privateHome } from "./command.ts";
import { checkStorePaths, type StorePathOptions } from "./store-path.ts";

/**
 * Builds the question for the closure of some paths: `nix-store` prints one path a line, the paths themselves among them.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildClosureCommand(
  storePaths: readonly string[],
  options: StorePathOptions = {},
): CommandSpec {
  const args = ["--query", "--requisites", "--", ...checkStorePaths(storePaths, options)];
  return { file: "nix-store", args, env: privateHome(), files: [] };
}

/**
 * Builds the question what the store knows of some paths, which {@link parseRegistrations} reads. The answer has been the same since Nix
 * 2.0.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildRegistrationCommand(
  storePaths: readonly string[],
  options: StorePathOptions = {},
): CommandSpec {
  const args = ["--dump-db", "--", ...checkStorePaths(storePaths, options)];
  return { file: "nix-store", args, env: privateHome(), files: [] };
}

/** What the store knows of a path. */
export interface Registration {
  readonly path: string;
  /** Size of its NAR in bytes. */
  readonly narSize: number;
  /** The paths that it refers to, without itself. */
  readonly references: readonly string[];
}

/**
 * Reads what {@link buildRegistrationCommand} printed: of each path a line each for the path, the hash, the size and the deriver, one for
 * the number of references, and one for each of them.
 *
 * @returns nothing for a text that is none
 */
export function parseRegistrations(text: string): readonly Registration[] | undefined {
  const lines = text.split("\n");
  const found: Registration[] = [];
  let next = 0;
  while (next < lines.length && lines[next] !== "") {
    const [path = "", hash = "", size = "", deriver, count = ""] = lines.slice(next, next + 5);
    const isEntry = path.startsWith("/") && /^[0-9a-f]{64}$/u.test(hash) && deriver !== undefined;
    if (!isEntry || !/^\d{1,15}$/u.test(size) || !/^\d{1,6}$/u.test(count)) return undefined;
    const references = lines.slice(next + 5, next + 5 + Number(count));
    if (references.length < Number(count) || !references.every((line) => line.startsWith("/")))
      return undefined;
    found.push({ path, narSize: Number(size), references: references.filter((line) => line !== path) });
    next += 5 + Number(count);
  }
  return found;
}
