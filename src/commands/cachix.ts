import type { CachixDestination } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import { type CommandArg, type CommandSpec, privateHome } from "./command.ts";
import { credentialProblem, type PushCommandInput, refuseUnusedCredentials } from "./push-input.ts";
import { checkStorePaths } from "./store-path.ts";

/**
 * Builds `cachix push`. The token goes into the environment, and cachix reads no configuration file of the host's user,
 * which could send the token elsewhere.
 *
 * cachix exits 0 after skipping a path that the store does not hold; the command names the text that tells.
 *
 * @param input - destination, paths and credentials (`CACHIX_AUTH_TOKEN`, `CACHIX_SIGNING_KEY` or both)
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 *
 * @example
 * ```ts
 * const command = buildCachixPushCommand({
 *   destination: { type: "cachix", name: "my-cache" },
 *   storePaths,
 *   credentials: { env: new Map([["CACHIX_AUTH_TOKEN", new Secret("…")]]) },
 * });
 * ```
 *
 * @public
 */
export function buildCachixPushCommand(input: PushCommandInput<CachixDestination>): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const { env } = input.credentials;
  const { name, host } = input.destination;
  refuseUnusedCredentials(env, ["CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY"], "cachix push");
  if (env.size === 0) throw credentialProblem("cachix push needs CACHIX_AUTH_TOKEN or CACHIX_SIGNING_KEY");
  return {
    file: "cachix",
    args: [...(host === undefined ? [] : ["--host", host]), "push", "--", name, ...storePaths],
    env: new Map<string, CommandArg | Secret>([...privateHome(), ["CI", "true"], ...env]),
    files: [],
    failureMarkers: [", skipping"],
  };
}
