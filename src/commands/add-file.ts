import { Secret } from "../core/secret.ts";
import { type CommandSpec, privateHome, workFile } from "./command.ts";

/**
 * Builds the command that puts a file into the Nix store, under its own name. `nix-store` prints the store
 * path.
 *
 * @param name - name of the file
 * @param text - its content; everybody on the machine can read it in the store
 */
export function buildAddFileCommand(name: string, text: string): CommandSpec {
  const path = workFile(name);
  const content = new Secret(text);
  return {
    file: "nix-store",
    args: ["--add", path],
    env: privateHome(),
    files: [{ path, content, secrets: [] }],
  };
}
