import { isObject, type Members, readMember } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import type { PushCommandInput } from "./push-input.ts";
import { buildStoreAccess, PASSIVE_OPTIONS } from "./store-access.ts";
import { checkStorePaths } from "./store-path.ts";

/**
 * Builds the question which paths a cache has, and with which signatures: `nix path-info --json`, with the credentials of a
 * push. {@link parsePathInfo} reads the answer. Nix asks the server itself, whatever earlier runs remember.
 *
 * @param input - destination, paths and credentials
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 */
export function buildPathInfoCommand(input: PushCommandInput): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const access = buildStoreAccess(input);
  // A user name is no secret, and redacting it would spoil an answer that holds it, as the name of a key may.
  const netrc = { ...access.netrc, secrets: access.netrc.secrets.slice(-1) };
  const args = [
    ...["--extra-experimental-features", "nix-command", "path-info", "--json", "--store", access.url],
    ...PASSIVE_OPTIONS,
    "--refresh",
    ...["--netrc-file", access.netrc.path, "--", ...storePaths],
  ];
  return { file: "nix", args, env: new Map([...privateHome(), ...access.env]), files: [netrc] };
}

/**
 * What a cache says of a path that it has.
 */
export interface PathInfo {
  /** Names of the keys that signed it, as in `cache.example.org-1`. */
  readonly signedBy: readonly string[];
}

/**
 * Reads what {@link buildPathInfoCommand} printed, in the forms that Nix has had: up to 2.18 a list in which a missing path is
 * `"valid": false`, then an object in which it is `null`.
 *
 * @param stdout - the whole standard output
 * @returns the paths that the cache has; nothing if the output is no answer
 */
export function parsePathInfo(stdout: string): ReadonlyMap<string, PathInfo> | undefined {
  const answer = parseJson(stdout);
  if (Array.isArray(answer))
    return toPathInfo(answer.filter(isObject).map((info) => [readMember(info, "path"), info]));
  return isObject(answer) ? toPathInfo(Object.entries(answer)) : undefined;
}

function toPathInfo(entries: readonly (readonly [unknown, unknown])[]): ReadonlyMap<string, PathInfo> {
  return new Map(
    entries.flatMap(([path, info]) =>
      typeof path === "string" && isObject(info) && readMember(info, "valid") !== false
        ? [[path, { signedBy: findSigners(info) }] as const]
        : [],
    ),
  );
}

// A signature is the name of a key, a colon and the signature itself.
function findSigners(info: Members): readonly string[] {
  const signatures = readMember(info, "signatures");
  if (!Array.isArray(signatures)) return [];
  return signatures.flatMap((signature) =>
    typeof signature === "string" ? [signature.split(":")[0] ?? ""] : [],
  );
}
