import type { HttpDestination, S3Destination } from "../core/cache.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import { EMPTY_NETRC } from "./netrc.ts";
import type { NixStoreAccess } from "./nix-store-access.ts";
import type { PushCommandInput } from "./push-input.ts";
import { buildHttpAccess, buildS3Access, PASSIVE_OPTIONS, TELL_PROGRESS } from "./store-access.ts";
import { checkStorePaths } from "./store-path.ts";
import type { ToolInput } from "./tool-input.ts";

/**
 * Builds `nix copy` to an S3 or HTTP binary cache, with arguments that have the same meaning since Nix 2.4.
 *
 * The command substitutes and builds nothing. It tries each request once, because older versions hang or fail
 * on retries. It reads no configuration of the host's user. Its cache home is empty, so Nix asks the server
 * what it has.
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
  const { destination } = input;
  const access =
    destination.type === "s3" ? buildS3Access(destination, input) : buildHttpAccess(destination, input);
  return buildNixStoreCopyCommand(access, input);
}

/**
 * Builds `nix copy` to any store that Nix can reach. It trusts the URL, so check an untrusted destination
 * first.
 *
 * @param access - the store, with what Nix needs for it
 * @param input - the paths, and whether to report progress
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID` for a path that is invalid or a derivation
 *
 * @example
 * ```ts
 * const command = buildNixStoreCopyCommand({ url: "file:///srv/hand-over" }, { storePaths });
 * ```
 *
 * @public
 */
export function buildNixStoreCopyCommand(
  access: NixStoreAccess,
  input: Pick<ToolInput, "storePaths" | "storeDirectory" | "progress">,
): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const { env = [], files = [], netrc = EMPTY_NETRC } = access;
  const log = input.progress === true ? TELL_PROGRESS : [];
  const copy = ["copy", "--to", access.url, "--no-check-sigs"];
  return {
    file: "nix",
    args: [
      ...["--extra-experimental-features", "nix-command", ...log, ...copy],
      ...PASSIVE_OPTIONS,
      ...["--netrc-file", netrc.path, "--", ...storePaths],
    ],
    env: new Map([...privateHome(), ...env]),
    files: [netrc, ...files],
    logFormat: input.progress === true ? "nix-internal-json" : undefined,
  };
}
