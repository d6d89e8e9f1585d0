import { batchStorePaths } from "../commands/batch.ts";
import { buildValidityCheckCommand } from "../commands/validity-check.ts";
import { PushError } from "../core/errors.ts";
import { runCommand } from "../execution/run-command.ts";
import { listSome } from "./list-some.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";

/**
 * Makes sure that the Nix store holds every path. cachix skips paths it does not hold and exits 0, and nix copy would
 * look for them elsewhere. Whatever `nix-store` prints is taken for a path that it does not hold.
 *
 * @throws {@link PushError} `ERR_STORE_PATH_NOT_VALID`; `ERR_PUSH_FAILED` or `ERR_PUSH_TIMEOUT` if the store did not answer
 */
export async function checkValidity(storePaths: readonly string[], context: PushContext): Promise<void> {
  const { storeDirectory } = context.host;
  for (const batch of batchStorePaths(storePaths)) {
    const command = buildValidityCheckCommand(batch, { storeDirectory });
    const { result, error } = await runCommand(command, toRunOptions(context));
    if (error !== undefined || result === undefined) throw error;
    const printed = result.stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    if (printed.length > 0 || result.truncated) throw notValid(batch, printed);
  }
}

function notValid(batch: readonly string[], printed: readonly string[]): PushError {
  const invalid = batch.filter((path) => printed.includes(path));
  const names = invalid.length === 0 ? "every path" : listSome(invalid);
  const message = `The Nix store does not hold ${names}; push before garbage collection, or build again`;
  return new PushError("ERR_STORE_PATH_NOT_VALID", message, invalid.length === 0 ? undefined : invalid);
}
