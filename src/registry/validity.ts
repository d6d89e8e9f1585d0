import { batchStorePaths } from "../commands/batch.ts";
import { buildValidityCheckCommand } from "../commands/validity-check.ts";
import { PushError } from "../errors.ts";
import type { Executor } from "../execution/executor.ts";
import { findRunError } from "./outcome.ts";

/** Bounds of {@link checkValidity}. */
export interface ValidityOptions {
  readonly executor: Executor;
  readonly storeDirectory: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How many paths a message names. */
const MAX_NAMED = 5;

/**
 * Makes sure that the Nix store holds every path. cachix skips paths it does not hold and exits 0, and nix copy would
 * look for them elsewhere.
 *
 * @throws {@link PushError} `ERR_STORE_PATH_NOT_VALID`; `ERR_PUSH_FAILED` if the store did not answer
 */
export async function checkValidity(storePaths: readonly string[], options: ValidityOptions): Promise<void> {
  const { executor, storeDirectory, timeoutMs, signal } = options;
  for (const batch of batchStorePaths(storePaths)) {
    const command = buildValidityCheckCommand(batch, { storeDirectory });
    const result = await executor.execute(command, { timeoutMs, signal });
    const error = findRunError(result, { tool: command.file, timeoutMs, sawFailureMarker: false });
    if (error !== undefined) throw error;
    const printed = new Set(result.stdout.split("\n"));
    const invalid = batch.filter((path) => printed.has(path));
    if (invalid.length > 0) throw notValid(invalid);
  }
}

function notValid(paths: readonly string[]): PushError {
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : "";
  const names = `${paths.slice(0, MAX_NAMED).join(", ")}${more}`;
  const message = `The Nix store does not hold ${names}; push before garbage collection, or build again`;
  return new PushError("ERR_STORE_PATH_NOT_VALID", message);
}
