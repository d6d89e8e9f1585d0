import { buildNixVersionCommand, parseNixVersion } from "../commands/nix-version.ts";
import type { CacheDestination } from "../core/cache.ts";
import { type RunCommandOptions, runCommand } from "../execution/run-command.ts";

/** Longest text that is taken for a version. */
const MAX_LENGTH = 200;

/**
 * Asks nix for its version. It is asked for each push that depends on it: the host's Nix may be upgraded
 * under a server that runs, and an endpoint in the form of the old one would leave in the open.
 *
 * @returns what `nix --version` prints; nothing if that is no version
 */
export async function askNixVersion(options: RunCommandOptions): Promise<string | undefined> {
  const { result, error } = await runCommand(buildNixVersionCommand(), options);
  const text = error === undefined ? (result?.stdout.trim().slice(0, MAX_LENGTH) ?? "") : "";
  return parseNixVersion(text) === undefined ? undefined : text;
}

/** Whether a command for a destination differs by the version of Nix. */
export function dependsOnNixVersion(destination: CacheDestination): boolean {
  return destination.type === "s3" && destination.parameters.some(({ name }) => name === "endpoint");
}
