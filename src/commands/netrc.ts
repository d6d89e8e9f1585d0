import { Secret } from "../core/secret.ts";
import { type PrivateFile, workFile } from "./command.ts";
import { credentialProblem, refuseUnusedCredentials } from "./push-input.ts";

/** A netrc file without hosts. Without a file, Nix would read `/etc/nix/netrc`. */
export const EMPTY_NETRC: PrivateFile = { path: workFile("netrc"), content: new Secret(""), secrets: [] };

/** Longest user name or password that every libcurl reads from a netrc file. */
const MAX_LENGTH = 4000;

/**
 * Builds the netrc file with which `nix copy` authenticates at an HTTP cache; Nix has no other way. The host
 * has no port, because libcurl compares the bare name.
 *
 * @returns an empty file if there are no credentials, so that Nix does not use the host's own
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function buildNetrc(host: string, env: ReadonlyMap<string, Secret>): PrivateFile {
  refuseUnusedCredentials(env, ["HTTP_USERNAME", "HTTP_PASSWORD"], "nix copy to an HTTP cache");
  const username = env.get("HTTP_USERNAME");
  const password = env.get("HTTP_PASSWORD");
  if (password === undefined) {
    if (username === undefined) return EMPTY_NETRC;
    throw credentialProblem("HTTP_USERNAME needs HTTP_PASSWORD");
  }
  const login = username === undefined ? "" : `login ${quote(username, "HTTP_USERNAME")}\n`;
  const content = `machine ${host}\n${login}password ${quote(password, "HTTP_PASSWORD")}\n`;
  const secrets = username === undefined ? [password] : [username, password];
  return { path: workFile("netrc"), content: new Secret(content), secrets };
}

// Only libcurl 7.84 and newer reads quoted tokens, so plain ones are not quoted.
function quote(secret: Secret, name: string): string {
  const value = secret.expose();
  if (!/^[\x20-\x7e]+$/u.test(value) || value.length > MAX_LENGTH) {
    throw credentialProblem(`${name} must be 1 to ${MAX_LENGTH} printable ASCII characters`);
  }
  return /^[^\s"\\#]+$/u.test(value) ? value : `"${value.replace(/["\\]/gu, "\\$&")}"`;
}
