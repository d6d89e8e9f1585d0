import type { AtticDestination } from "../core/cache.ts";
import { Secret } from "../core/secret.ts";
import { type CommandSpec, type PrivateFile, privateHome, workFile } from "./command.ts";
import { credentialProblem, type PushCommandInput, refuseUnusedCredentials } from "./push-input.ts";
import { checkStorePaths } from "./store-path.ts";

/** The name of the server in the generated configuration. */
const SERVER = "eka";

/**
 * Builds `attic push`. Attic's client accepts neither a URL nor a token as an argument or a variable, so a
 * private configuration file has both.
 *
 * @param input - destination, paths and credentials (`ATTIC_TOKEN`, or none for a public cache)
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 *
 * @example
 * ```ts
 * const command = buildAtticPushCommand({ destination, storePaths, credentials });
 * ```
 *
 * @public
 */
export function buildAtticPushCommand(input: PushCommandInput<AtticDestination>): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const { destination, credentials } = input;
  refuseUnusedCredentials(credentials.env, ["ATTIC_TOKEN"], "attic push");
  return {
    file: "attic",
    args: ["push", ...toOptions(destination), `${SERVER}:${destination.cache}`, "--", ...storePaths],
    env: privateHome(),
    files: [buildConfig(destination, credentials.env.get("ATTIC_TOKEN"))],
  };
}

function toOptions({ jobs, ignoreUpstream }: AtticDestination): readonly string[] {
  return [
    ...(jobs === undefined ? [] : ["--jobs", String(jobs)]),
    ...(ignoreUpstream === true ? ["--ignore-upstream-cache-filter"] : []),
  ];
}

function buildConfig({ endpoint }: AtticDestination, token: Secret | undefined): PrivateFile {
  const lines = [
    `default-server = "${SERVER}"`,
    "",
    `[servers.${SERVER}]`,
    `endpoint = ${toTomlString(endpoint)}`,
  ];
  if (token !== undefined) lines.push(`token = ${toTomlString(checkToken(token))}`);
  const content = new Secret(`${lines.join("\n")}\n`);
  return { path: workFile("config/attic/config.toml"), content, secrets: token === undefined ? [] : [token] };
}

// The client crashes on a token that is not valid in a header.
function checkToken(token: Secret): string {
  if (/^[\x21-\x7e]+$/u.test(token.expose())) return token.expose();
  throw credentialProblem("ATTIC_TOKEN must be printable ASCII without spaces");
}

function toTomlString(text: string): string {
  return `"${text.replace(/["\\]/gu, "\\$&")}"`;
}
