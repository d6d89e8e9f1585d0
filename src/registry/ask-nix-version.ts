import { buildNixVersionCommand, parseNixVersion } from "../commands/nix-version.ts";
import type { CacheDestination } from "../core/cache.ts";
import { type RunCommandOptions, runCommand } from "../execution/run-command.ts";

/** Longest text that is accepted as a version. */
const MAX_LENGTH = 200;

/**
 * Asks Nix for its version. Each push that depends on it asks again, because Nix may be upgraded while the
 * server runs, and an endpoint in the old form would be sent unencrypted.
 *
 * @returns what `nix --version` prints; nothing if that is not a version
 */
export async function askNixVersion(options: RunCommandOptions): Promise<string | undefined> {
  const { result, error } = await runCommand(buildNixVersionCommand(), options);
  const text = error === undefined ? (result?.stdout.trim().slice(0, MAX_LENGTH) ?? "") : "";
  return parseNixVersion(text) === undefined ? undefined : text;
}

/** Whether the command for a destination depends on the version of Nix. */
export function dependsOnNixVersion(destination: CacheDestination): boolean {
  return destination.type === "s3" && destination.parameters.some(({ name }) => name === "endpoint");
}
