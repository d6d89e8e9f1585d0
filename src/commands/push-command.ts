import type { CommandSpec } from "./command.ts";
import { findCacheTool } from "./find-cache-tool.ts";
import type { PushCommandInput } from "./push-input.ts";

/**
 * Builds the push command for any destination.
 *
 * | destination | tool | credentials it can use |
 * |---|---|---|
 * | `s3` | `nix copy` | `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; `MINIO_ACCESS_KEY` with `MINIO_SECRET_KEY` |
 * | `http` | `nix copy` | `HTTP_PASSWORD`, `HTTP_USERNAME` |
 * | `cachix` | `cachix push` | `CACHIX_AUTH_TOKEN`, `CACHIX_SIGNING_KEY` |
 * | `attic` | `attic push` | `ATTIC_TOKEN` |
 * | `custom` | that of its type in `cacheTypes` | those that the type names |
 *
 * @param input - destination, paths and credentials
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID` for a path that is invalid or a derivation,
 * `ERR_COMMAND_CREDENTIALS` for credentials that the tool would ignore, or missing ones,
 * `ERR_COMMAND_INVALID` for a custom type that is not among `cacheTypes`, or whose schema refuses the
 * destination
 *
 * @example
 * ```ts
 * const command = buildPushCommand({
 *   destination: { type: "cachix", name: "my-cache" },
 *   storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"],
 *   credentials,
 * });
 * ```
 *
 * @public
 */
export function buildPushCommand(input: PushCommandInput): CommandSpec {
  return findCacheTool(input.destination, input.cacheTypes).build(input);
}
