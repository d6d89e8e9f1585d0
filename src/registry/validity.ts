import { batchStorePaths } from "../commands/batch.ts";
import { buildValidityCheckCommand } from "../commands/validity-check.ts";
import { PushError } from "../core/errors.ts";
import type { Executor } from "../execution/executor.ts";
import { runCommand } from "../execution/run-command.ts";
import type { Clock } from "../host/runtime.ts";
import { listSome } from "./list-some.ts";

/** Bounds of {@link checkValidity}. */
export interface ValidityOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  readonly storeDirectory: string | undefined;
  /** How long all questions together may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Makes sure that the Nix store holds every path. cachix skips paths it does not hold and exits 0, and nix copy would
 * look for them elsewhere. Whatever `nix-store` prints is taken for a path that it does not hold.
 *
 * @throws {@link PushError} `ERR_STORE_PATH_NOT_VALID`; `ERR_PUSH_FAILED` if the store did not answer
 */
export async function checkValidity(storePaths: readonly string[], options: ValidityOptions): Promise<void> {
  const { executor, clock, storeDirectory, timeoutMs, signal } = options;
  const startedAt = clock.monotonic();
  for (const batch of batchStorePaths(storePaths)) {
    const command = buildValidityCheckCommand(batch, { storeDirectory });
    const remainingMs = timeoutMs - (clock.monotonic() - startedAt);
    const { result, error } = await runCommand(command, {
      executor,
      clock,
      timeoutMs,
      remainingMs,
      signal,
    });
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
