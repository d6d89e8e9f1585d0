import type { HttpDestination, S3Destination } from "../core/cache.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import type { PushCommandInput } from "./push-input.ts";
import { buildStoreAccess, PASSIVE_OPTIONS, TELL_PROGRESS } from "./store-access.ts";
import { checkStorePaths } from "./store-path.ts";

/**
 * Builds `nix copy` to an S3 or HTTP binary cache, with the arguments that mean the same from Nix 2.4 on.
 *
 * The command substitutes and builds nothing, tries each request once (older versions hang or fail on retries), and reads no
 * configuration of the host's user. Its cache home is empty, so nix asks the server what it has.
 *
 * @param input - destination, paths and credentials
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 *
 * @example
 * ```ts
 * const command = buildNixCopyCommand({ destination, storePaths, credentials: { env: new Map() } });
 * ```
 *
 * @public
 */
export function buildNixCopyCommand(input: PushCommandInput<S3Destination | HttpDestination>): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const access = buildStoreAccess(input);
  const log = input.progress === true ? TELL_PROGRESS : [];
  const args = [
    ...[
      "--extra-experimental-features",
      "nix-command",
      ...log,
      "copy",
      "--to",
      access.url,
      "--no-check-sigs",
    ],
    ...PASSIVE_OPTIONS,
    ...["--netrc-file", access.netrc.path, "--", ...storePaths],
  ];
  return {
    file: "nix",
    args,
    env: new Map([...privateHome(), ...access.env]),
    files: [access.netrc],
    logFormat: input.progress === true ? "nix-internal-json" : undefined,
  };
}
