import type { CredentialErrorCode } from "../../error-codes.ts";
import { CredentialError } from "../../errors.ts";
import { type Service, toServiceError } from "../http-answer.ts";

const CODES: Readonly<Record<string, readonly [code: CredentialErrorCode, meaning: string]>> = {
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
  InternalServiceError: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot serve now"],
  InternalFailure: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot serve now"],
  ServiceUnavailable: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot serve now"],
  IDPCommunicationError: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot reach the identity provider"],
  IDPCommunicationErrorException: ["ERR_CREDENTIAL_UNAVAILABLE", "cannot reach the identity provider"],
  CredentialsProviderError: [
    "ERR_CREDENTIAL_NOT_CONFIGURED",
    "cannot be asked, since the server has no AWS identity",
  ],
};

/**
 * Says an error of the AWS SDK in the terms of credentials. Services are told apart by the error's name, never by its
 * status (almost all are 400); the error itself carries the signed request, so only its name is looked at.
 */
export function toAwsError(error: unknown, service: Service): unknown {
  const known = toServiceError(error, service);
  if (known !== error || !(error instanceof Error)) return known;
  if (error instanceof CredentialError || error.name === "AbortError") return error;
  const { sourceType, name } = service;
  const [code, meaning] =
    (Object.hasOwn(CODES, error.name) ? CODES[error.name] : undefined) ?? findByStatus(error);
  return new CredentialError(code, sourceType, `${name} ${meaning}`);
}

function findByStatus(error: Error): readonly [code: CredentialErrorCode, meaning: string] {
  const metadata = "$metadata" in error ? error.$metadata : undefined;
  const isMetadata = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  const status = isMetadata ? Number(metadata.httpStatusCode) : 0;
  if (status === 429) return ["ERR_CREDENTIAL_RATE_LIMITED", "asks to come back later"];
  if (status >= 500) return ["ERR_CREDENTIAL_UNAVAILABLE", "cannot serve now"];
  if (status >= 300 && status < 400)
    return ["ERR_CREDENTIAL_UNAVAILABLE", "redirects, which is not followed"];
  return ["ERR_CREDENTIAL_MALFORMED", "gives an answer that is not understood"];
}
