import type { ErrorCodes } from "../core/error-codes.ts";
import { CredentialError, FileError } from "../core/errors.ts";

const CODES: Readonly<Record<ErrorCodes["FileError"], ErrorCodes["CredentialError"]>> = {
  ERR_FILE_NOT_FOUND: "ERR_CREDENTIAL_NOT_FOUND",
  ERR_FILE_DENIED: "ERR_CREDENTIAL_DENIED",
  ERR_FILE_NOT_REGULAR: "ERR_CREDENTIAL_INSECURE_FILE",
  ERR_FILE_TOO_LARGE: "ERR_CREDENTIAL_MALFORMED",
  ERR_FILE_UNREADABLE: "ERR_CREDENTIAL_UNAVAILABLE",
};

/** Converts a file error into a credential error; anything else passes through. */
export function toCredentialError(error: unknown, sourceType: string, what: string): unknown {
  if (!(error instanceof FileError)) return error;
  return new CredentialError(CODES[error.code], sourceType, `${what}: ${error.message}`);
}
