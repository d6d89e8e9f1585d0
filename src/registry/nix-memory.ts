import { buildNixVersionCommand, parseNixVersion } from "../commands/nix-version.ts";
import type { CacheDestination } from "../core/cache.ts";
import { type RunCommandOptions, runCommand } from "../execution/run-command.ts";

/** How long a version is believed, in milliseconds: the host's Nix may be upgraded under a server that runs. */
const KEEP_MS = 10 * 60_000;
/** Longest text that is kept. */
const MAX_LENGTH = 200;

/** What is known of the Nix that the commands of a registry run. */
export class NixMemory {
  /** Whether it asks for the format of its JSON to be named, which older versions refuse. */
  wantsJsonFormat = false;
  #known: { readonly text: string; readonly until: number } | undefined;

  /**
   * Asks nix, unless it was asked a moment ago.
   *
   * @returns what `nix --version` prints; nothing if that is no version
   */
  async learnVersion(options: RunCommandOptions): Promise<string | undefined> {
    const now = options.clock.monotonic();
    if (this.#known !== undefined && now < this.#known.until) return this.#known.text;
    const { result, error } = await runCommand(buildNixVersionCommand(), options);
    const text = error === undefined ? (result?.stdout.trim().slice(0, MAX_LENGTH) ?? "") : "";
    if (parseNixVersion(text) === undefined) return undefined;
    this.#known = { text, until: now + KEEP_MS };
    return text;
  }
}

/** Whether a command for a destination differs by the version of Nix. */
export function dependsOnNixVersion(destination: CacheDestination): boolean {
  return destination.type === "s3" && destination.parameters.some(({ name }) => name === "endpoint");
}
