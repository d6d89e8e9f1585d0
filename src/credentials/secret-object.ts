import { showCredentialName } from "../core/environment-name.ts";
import { CredentialError } from "../core/errors.ts";
import type { Members } from "../core/own-member.ts";
import { Secret } from "../core/secret.ts";

/**
 * Turns the JSON object of a secret store into credentials: every member is a text, and there is at least
 * one. Names and values are checked once more by the resolver.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_MALFORMED` naming the member, never its value
 */
export function toSecrets(object: Members, sourceType: string, what: string): ReadonlyMap<string, Secret> {
  const fail = (problem: string): never => {
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", sourceType, `${what} ${problem}`);
  };
  const entries = Object.entries(object);
  if (entries.length === 0) fail("is empty; it must have the credentials by name");
  return new Map(
    entries.map(([name, value]) => {
      if (typeof value !== "string")
        return fail(`has ${showCredentialName(name)}, which is not a text; write it in quotes`);
      return [name, new Secret(value)];
    }),
  );
}
