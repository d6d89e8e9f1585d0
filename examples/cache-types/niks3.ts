/**
 * A cache type of the host: niks3, whose client uploads to S3 while its server does the accounting. Readers
 * use another address, which is asked after a push:
 *
 * ```toml
 * [[caches]]
 * id = "team"
 * cache_type = "custom:niks3"
 * destination = "https://niks3.example.org"
 * substituter = "https://cache.example.org"
 * credentials = { env = { vars = ["NIKS3_AUTH_TOKEN"] } }
 * permissions = { allow_all = false, allowed_repos = ["myorg/*"] }
 * ```
 */
import {
  type CacheTypeInput,
  CommandError,
  type CommandSpec,
  defineCacheType,
  workFile,
} from "@eka-ci/caches";
import * as v from "valibot";

const TOKEN_FILE = workFile("config/niks3/auth-token");

/**
 * The command, with the token as a private file; the variable is for clients that do not look below
 * XDG_CONFIG_HOME yet.
 */
function toCommand(args: readonly string[], credentials: CacheTypeInput<string>["credentials"]): CommandSpec {
  const token = credentials.get("NIKS3_AUTH_TOKEN");
  if (token === undefined) throw new CommandError("ERR_COMMAND_CREDENTIALS", "niks3 needs NIKS3_AUTH_TOKEN");
  return {
    file: "niks3",
    args,
    env: new Map([["NIKS3_AUTH_TOKEN_FILE", TOKEN_FILE]]),
    files: [{ path: TOKEN_FILE, content: token, secrets: [token] }],
  };
}

/** `cache_type = "custom:niks3"`. */
export const niks3 = defineCacheType({
  type: "custom:niks3",
  tool: "niks3",
  credentialNames: ["NIKS3_AUTH_TOKEN"],
  schema: v.pipe(
    v.strictObject({ destination: v.pipe(v.string(), v.regex(/^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?$/u)) }),
    v.transform(({ destination }) => destination),
  ),
  build: ({ target, storePaths, credentials }) =>
    toCommand(["push", "--server-url", target, ...storePaths], credentials),
  // niks3 keeps one path for each name.
  buildPin: ({ target, storePaths, credentials }, { pin }) =>
    toCommand(["pins", "create", "--server-url", target, pin, ...storePaths], credentials),
  verify: ({ target }) => ({ url: target }),
  texts: [
    { pattern: /reading auth token|auth token is required/u, means: "misconfigured" },
    { pattern: /status(?: code)?:? 401|Unauthorized/u, means: "unauthorized" },
  ],
});
