import { toBareHost } from "../../core/bare-host.ts";
import { isRecord, type Members } from "../../core/own-member.ts";
import { isPrivateHost } from "../destination/private-host.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/** Checks rules of the source `vault` that the schema cannot express. */
export function checkVault(value: unknown, path: KeyPath): Problem[] {
  if (!isRecord(value)) return [];
  return [
    ...checkOrigin(value, path),
    ...checkSecretPath(value["secret_path"], [...path, "secret_path"]),
    ...checkAddress(value["address"], [...path, "address"]),
    ...checkAuth(value["auth"], [...path, "auth"]),
  ];
}

/** A token comes from one place. */
function checkOrigin(vault: Members, path: KeyPath): Problem[] {
  const keys = ["token_env", "token_file"].filter((key) => vault[key] !== undefined);
  if (vault["auth"] !== undefined)
    return keys.map((key) =>
      refuse([...path, key], "With auth, the token comes from a login", `Remove ${key}`),
    );
  return checkPair(vault, path, ["token_env", "token_file"]);
}

/** A text comes from a variable or from a file. */
function checkPair(table: Members, path: KeyPath, [variable, file]: readonly [string, string]): Problem[] {
  if (table[variable] === undefined || table[file] === undefined) return [];
  const message = `It comes from a variable or from a file, not from both`;
  return [refuse([...path, file], message, `Remove ${variable}, or ${file}`)];
}

function checkAuth(auth: unknown, path: KeyPath): Problem[] {
  if (!isRecord(auth)) return [];
  const { approle, jwt } = auth;
  const problems = [
    ...(isRecord(approle)
      ? checkPair(approle, [...path, "approle"], ["secret_id_env", "secret_id_file"])
      : []),
    ...(isRecord(jwt) ? checkPair(jwt, [...path, "jwt"], ["token_env", "token_file"]) : []),
  ];
  if (Object.keys(auth).length === 1) return problems;
  const hint = 'As in auth = { approle = { role_id = "…", secret_id_file = "/run/eka-ci/secret-id" } }';
  return [...problems, refuse(path, "auth holds exactly one method: approle, kubernetes or jwt", hint)];
}

function checkSecretPath(secretPath: unknown, path: KeyPath): Problem[] {
  if (typeof secretPath !== "string" || !/^\/*v1\//u.test(secretPath)) return [];
  const message = "The path begins with v1/, which is the prefix of Vault's API and not part of a path";
  const hint = 'Leave v1/ out, as in secret_path = "secret/data/eka-ci/s3-cache"';
  return [{ code: "invalid-value", severity: "error", message, path, hint }];
}

function checkAddress(address: unknown, path: KeyPath): Problem[] {
  if (typeof address !== "string" || !isPlaintext(address)) return [];
  const message = "The token and the secret are sent to this address unencrypted";
  return [{ code: "plaintext-address", severity: "warning", message, path, hint: "Use https" }];
}

function isPlaintext(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === "http:" && !isPrivateHost(toBareHost(hostname));
}

function refuse(path: KeyPath, message: string, hint: string): Problem {
  return { code: "invalid-value", severity: "error", message, path, part: "key", hint };
}
