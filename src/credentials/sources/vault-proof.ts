import type { VaultAuth, VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import type { Runtime } from "../../host/runtime.ts";
import { readTokenFile } from "../token-file.ts";
import { readVariables } from "./env.ts";

/** Whether a text is valid in a header. */
export function isVaultToken(value: string): boolean {
  return /^[\x21-\x7e]+$/u.test(value);
}

/** Reads the token of a source, from a variable or a file. */
export async function readOwnToken(source: VaultSource, runtime: Runtime): Promise<string> {
  const { tokenEnv: variable, tokenFile: file, type } = source;
  const value = await readText({ file, variable, isPrivate: true }, type, runtime);
  if (isVaultToken(value)) return value;
  const where = file === undefined ? `The variable ${variable}` : "The file of token_file";
  const message = `${where} holds no token: it is empty, or has an invalid character, such as a line break`;
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}

/**
 * Reads what proves the identity, in the body of a login
 * (https://developer.hashicorp.com/vault/api-docs/auth).
 */
export async function readProof(
  auth: VaultAuth,
  sourceType: string,
  runtime: Runtime,
): Promise<Readonly<Record<string, string>>> {
  switch (auth.method) {
    case "approle": {
      const { roleId, secretIdFile: file, secretIdEnv: variable } = auth;
      const place = { file, variable, isPrivate: true };
      return { role_id: roleId, secret_id: await readText(place, sourceType, runtime) };
    }
    case "kubernetes":
    case "jwt": {
      const variable = auth.method === "jwt" ? auth.tokenEnv : "";
      const place = { file: auth.tokenFile, variable, isPrivate: false };
      return { role: auth.role, jwt: await readText(place, sourceType, runtime) };
    }
  }
}

/** Where a text is: in a file, or else in a variable. */
interface TextPlace {
  readonly file: string | undefined;
  readonly variable: string;
  /** Whether others must not be able to read the file; for a token in a pod, its mount decides that. */
  readonly isPrivate: boolean;
}

async function readText(
  { file, variable, isPrivate }: TextPlace,
  sourceType: string,
  runtime: Runtime,
): Promise<string> {
  if (file !== undefined)
    return readTokenFile(file, runtime, { sourceType, what: `The file ${quoteName(file, 256)}`, isPrivate });
  return [...readVariables([variable], sourceType, runtime).values()][0]?.expose() ?? "";
}
