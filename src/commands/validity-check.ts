import { type CommandSpec, privateHome } from "./command.ts";
import { checkStorePaths, type StorePathOptions } from "./store-path.ts";

/**
 * Builds the command that lists which of some paths the Nix store does not have. `nix-store` prints them, one
 * a line, and exits 0. It substitutes nothing and needs no network.
 *
 * @param storePaths - the paths, at least one
 * @param options - where the store is
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildValidityCheckCommand(
  storePaths: readonly string[],
  options: StorePathOptions = {},
): CommandSpec {
  const checked = checkStorePaths(storePaths, options);
  const args = ["--check-validity", "--print-invalid", "--", ...checked];
  return { file: "nix-store", args, env: privateHome(), files: [] };
}
