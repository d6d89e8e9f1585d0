import { CredentialError, HttpError } from "../core/errors.ts";
import { isRecord, type Members } from "../core/own-member.ts";
import { decodeUtf8, parseJson } from "../core/text.ts";
import type { HttpRequest, HttpResponse } from "../host/http-client.ts";
import { parseRetryAfter } from "../host/retry-after.ts";
import type { Runtime } from "../host/runtime.ts";

/** Largest answer of a credential service, in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

/** Who is asked, for messages. */
export interface Service {
  /** The `type` of the source. */
  readonly sourceType: string;
  /** The name of the service, such as "Vault". */
  readonly name: string;
}

/**
 * Sends a request to a credential service.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_UNREACHABLE`, `ERR_CREDENTIAL_MALFORMED` for an answer
 * beyond 1 MiB
 */
export async function askService(
  request: Omit<HttpRequest, "maxBytes">,
  service: Service,
  runtime: Runtime,
): Promise<HttpResponse> {
  try {
    return await runtime.http.send({ ...request, maxBytes: MAX_ANSWER_BYTES });
  } catch (error) {
    throw toServiceError(error, service);
  }
}

/** Converts an HTTP error into a credential error; anything else passes through. */
export function toServiceError(error: unknown, { sourceType, name }: Service): unknown {
  if (!(error instanceof HttpError)) return error;
  const code =
    error.code === "ERR_HTTP_UNREACHABLE" ? "ERR_CREDENTIAL_UNREACHABLE" : "ERR_CREDENTIAL_MALFORMED";
  return new CredentialError(code, sourceType, `${name}: ${error.message}`);
}

/** The error of an unsuccessful status that has no special meaning for the service. */
export function toStatusError(
  { status, headers }: HttpResponse,
  service: Service,
  now: number,
): CredentialError {
  const { sourceType, name } = service;
  const fail = (code: CredentialError["code"], text: string, retryAfterMs?: number): CredentialError =>
    new CredentialError(code, sourceType, `${name} ${text} (HTTP status ${status})`, retryAfterMs);
  if (status >= 300 && status < 400) {
    return fail(
      "ERR_CREDENTIAL_UNAVAILABLE",
      "redirects, which is not followed; configure the address that it redirects to",
    );
  }
  if (status === 401 || status === 403) return fail("ERR_CREDENTIAL_DENIED", "denies access");
  if (status === 404 || status === 410)
    return fail("ERR_CREDENTIAL_NOT_FOUND", "has nothing at this address");
  if (status === 429)
    return fail("ERR_CREDENTIAL_RATE_LIMITED", "asks to come back later", parseRetryAfter(headers, now));
  if (status >= 500)
    return fail("ERR_CREDENTIAL_UNAVAILABLE", "cannot answer now", parseRetryAfter(headers, now));
  return fail("ERR_CREDENTIAL_MALFORMED", "does not understand the request");
}

/**
 * Parses an answer as a JSON object.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_MALFORMED`
 */
export function parseAnswer({ body }: Pick<HttpResponse, "body">, service: Service): Members {
  const value = parseJson(decodeUtf8(body) ?? "");
  if (isRecord(value)) return value;
  throw new CredentialError(
    "ERR_CREDENTIAL_MALFORMED",
    service.sourceType,
    `${service.name} does not answer with a JSON object`,
  );
}
