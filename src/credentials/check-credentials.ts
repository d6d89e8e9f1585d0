import { findEnvironmentNameProblem, showCredentialName } from "../core/environment-name.ts";
import { CredentialError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import { hasControlCharacter } from "../core/text.ts";
import type { Clock } from "../host/runtime.ts";
import type { Credentials } from "./provider.ts";

/**
 * Checks what any provider returned: exportable names, wrapped values of one line, and an expiration in the
 * future.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_MALFORMED`, `ERR_CREDENTIAL_EXPIRED`
 */
export function checkCredentials(credentials: Credentials, sourceType: string, clock: Clock): Credentials {
  const malformed = (problem: string): CredentialError =>
    new CredentialError(
      "ERR_CREDENTIAL_MALFORMED",
      sourceType,
      `The source ${sourceType} returned ${problem}`,
    );
  if (!(credentials?.env instanceof Map)) throw malformed("no map of credentials");
  for (const [name, value] of credentials.env) {
    const nameProblem = typeof name === "string" ? findEnvironmentNameProblem(name) : "is no text";
    if (nameProblem !== undefined) throw malformed(`${showCredentialName(name)}, which ${nameProblem}`);
    if (!(value instanceof Secret))
      throw malformed(`${showCredentialName(name)} without wrapping it in a Secret`);
    if (value.expose() === "") throw malformed(`an empty ${showCredentialName(name)}`);
    if (hasControlCharacter(value.expose()))
      throw malformed(`${showCredentialName(name)} with a line break or control character`);
  }
  const { expiration } = credentials;
  if (expiration === undefined) return credentials;
  if (!(expiration instanceof Date) || Number.isNaN(expiration.getTime()))
    throw malformed("an expiration that is no date");
  if (expiration.getTime() > clock.now()) return credentials;
  const message = `The credentials of ${sourceType} expired at ${expiration.toISOString()}`;
  throw new CredentialError("ERR_CREDENTIAL_EXPIRED", sourceType, message);
}
