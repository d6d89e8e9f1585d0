import type { AfterPush, CachixDestination } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import { type CommandArg, type CommandSpec, privateHome } from "./command.ts";
import { credentialProblem, type PushCommandInput, refuseUnusedCredentials } from "./push-input.ts";
import { checkStorePaths } from "./store-path.ts";

/**
 * Builds `cachix push`. The token is in the environment. cachix does not read the configuration of the host's
 * user, which could send the token elsewhere.
 *
 * cachix exits 0 after skipping a path that the store does not have. The command names the text that reveals
 * it.
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
  refuseUnusedCredentials(env, ["CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY"], "cachix push");
  if (env.size === 0) throw credentialProblem("cachix push needs CACHIX_AUTH_TOKEN or CACHIX_SIGNING_KEY");
  const args = ["push", "--", input.destination.name, ...storePaths];
  return { ...toCachixCommand(input.destination, args, env), failureMarkers: [", skipping"] };
}

/**
 * Builds `cachix pin`, which keeps a path from the cache's garbage collector under a name
 * (https://docs.cachix.org/pins).
 *
 * @param input - destination, one path, and `CACHIX_AUTH_TOKEN`
 * @param pin - the name, and how many revisions are kept, or for how many days
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 *
 * @example
 * ```ts
 * const command = buildCachixPinCommand(
 *   { destination: { type: "cachix", name: "my-cache" }, storePaths, credentials },
 *   { pin: "myorg/myrepo:main:hello-2.12", keepRevisions: 10 },
 * );
 * ```
 *
 * @public
 */
export function buildCachixPinCommand(
  input: PushCommandInput<CachixDestination>,
  { pin, keepRevisions, keepDays }: AfterPush,
): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const token = input.credentials.env.get("CACHIX_AUTH_TOKEN");
  if (token === undefined) throw credentialProblem("cachix pin needs CACHIX_AUTH_TOKEN");
  const args = [
    "pin",
    ...(keepRevisions === undefined ? [] : ["--keep-revisions", String(keepRevisions)]),
    ...(keepDays === undefined ? [] : ["--keep-days", String(keepDays)]),
    ...["--", input.destination.name, pin, ...storePaths],
  ];
  return toCachixCommand(input.destination, args, new Map([["CACHIX_AUTH_TOKEN", token]]));
}

function toCachixCommand(
  { host }: CachixDestination,
  args: readonly string[],
  env: ReadonlyMap<string, Secret>,
): CommandSpec {
  return {
    file: "cachix",
    args: [...(host === undefined ? [] : ["--host", host]), ...args],
    env: new Map<string, CommandArg | Secret>([...privateHome(), ["CI", "true"], ...env]),
    files: [],
  };
}
