import type { ErrorCodes } from "../../core/error-codes.ts";
import { CredentialError } from "../../core/errors.ts";
import { type Service, toServiceError } from "../http-answer.ts";

const CODES: Readonly<Record<string, readonly [code: ErrorCodes["CredentialError"], meaning: string]>> = {
  ResourceNotFoundException: ["ERR_CREDENTIAL_NOT_FOUND", "has no such secret; check its name and region"],
  InvalidRequestException: ["ERR_CREDENTIAL_NOT_FOUND", "has marked the secret for deletion; restore it"],
  AccessDenied: [
    "ERR_CREDENTIAL_DENIED",
    "denies access; check the policy of the server's identity, and the role's trust",
  ],
  AccessDeniedException: [
    "ERR_CREDENTIAL_DENIED",
    "denies access; check the policy of the server's identity",
  ],
  DecryptionFailure: [
    "ERR_CREDENTIAL_DENIED",
    "cannot decrypt the secret; check the permissions on its KMS key",
  ],
  InvalidSignatureException: [
    "ERR_CREDENTIAL_DENIED",
    "refuses the signature; check the server's keys and clock",
  ],
  SignatureDoesNotMatch: [
    "ERR_CREDENTIAL_DENIED",
    "refuses the signature; check the server's keys and clock",
  ],
  UnrecognizedClientException: ["ERR_CREDENTIAL_DENIED", "does not know the server's keys"],
  InvalidClientTokenId: ["ERR_CREDENTIAL_DENIED", "does not know the server's keys"],
  InvalidIdentityToken: [
    "ERR_CREDENTIAL_DENIED",
    "refuses the identity token; check the identity provider and audience",
  ],
  InvalidIdentityTokenException: [
    "ERR_CREDENTIAL_DENIED",
    "refuses the identity token; check the identity provider and audience",
  ],
  IDPRejectedClaim: [
    "ERR_CREDENTIAL_DENIED",
    "refuses a claim of the identity token; check the role's conditions",
  ],
  IDPRejectedClaimException: [
    "ERR_CREDENTIAL_DENIED",
    "refuses a claim of the identity token; check the role's conditions",
  ],
  ExpiredToken: ["ERR_CREDENTIAL_EXPIRED", "says that the session or token has expired"],
  ExpiredTokenException: ["ERR_CREDENTIAL_EXPIRED", "says that the session or token has expired"],
  Throttling: ["ERR_CREDENTIAL_RATE_LIMITED", "asks to come back later"],
  ThrottlingException: ["ERR_CREDENTIAL_RATE_LIMITED", "asks to come back later"],
  TooManyRequestsException: ["ERR_CREDENTIAL_RATE_LIMITED", "asks to come back later"],
  InternalServiceError: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot answer now"],
  InternalFailure: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot answer now"],
  ServiceUnavailable: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot answer now"],
  IDPCommunicationError: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot reach the identity provider"],
  IDPCommunicationErrorException: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot reach the identity provider"],
  CredentialsProviderError: [
    "ERR_CREDENTIAL_NOT_CONFIGURED",
    "cannot be asked, because the server has no AWS identity",
  ],
};

/**
 * Converts an error of the AWS SDK into a credential error. Errors are distinguished by name, not by status,
 * which is almost always 400. The error carries the signed request, so only its name is used. For an unknown
 * name, the result of the last request counts.
 */
export function toAwsError(
  error: unknown,
  service: Service,
  lastFailure: CredentialError | undefined,
): unknown {
  const known = toServiceError(error, service);
  if (known !== error || !(error instanceof Error)) return known;
  if (error instanceof CredentialError || error.name === "AbortError") return error;
  const { sourceType, name } = service;
  const found = Object.hasOwn(CODES, error.name) ? CODES[error.name] : undefined;
  if (found === undefined) return lastFailure ?? notUnderstood(service);
  const [code, meaning] = found;
  return new CredentialError(code, sourceType, `${name} ${meaning}`, lastFailure?.retryAfterMs);
}

function notUnderstood({ sourceType, name }: Service): CredentialError {
  return new CredentialError(
    "ERR_CREDENTIAL_MALFORMED",
    sourceType,
    `${name} returned an answer that is not understood`,
  );
}
