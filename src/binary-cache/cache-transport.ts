import { MEANING_OF_CODE } from "../core/cloud-codes.ts";
import type { HttpFileBody, HttpRequest, HttpResponse, HttpSession } from "../host/http-client.ts";
import type { Clock, Random } from "../host/runtime.ts";
import { sleep } from "../host/sleep.ts";
import { CacheAnswerError, toAnswerError, toConnectionError } from "./cache-answer-error.ts";
import type { CacheCredentials, CredentialVariables } from "./cache-credentials.ts";

/** How often a request is sent. Backblaze answers 503 to spread its load, and recommends five. */
const MAX_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** The longest wait that a server may ask for within a push, in milliseconds. */
const LONGEST_WAIT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** What a transport needs. */
export interface CacheTransportOptions {
  readonly session: HttpSession;
  readonly credentials: CacheCredentials;
  readonly clock: Clock;
  readonly random: Random;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly certificateAuthorities?: string | undefined;
  /** Called when data arrived or was sent. */
  readonly onMove?: (() => void) | undefined;
}

/** A request to a cache. */
export interface CacheRequest {
  readonly method: string;
  /** Absolute URL. */
  readonly url: string;
  /** The name of the request in errors, such as `PUT nar/a.nar`. */
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | HttpFileBody | undefined;
  /**
   * Called with how much of a file was sent since the last call, in bytes; negative for what must be sent
   * again.
   */
  readonly onUploaded?: ((bytes: number) => void) | undefined;
  readonly maxBytes?: number | undefined;
  /** Absolute path of a file for the body of a successful answer. */
  readonly saveTo?: string | undefined;
  /** Whether it is sent without credentials, because the cache redirected it to another server. */
  readonly isAnonymous?: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Creates the headers of an attempt from the current credentials; a signature also depends on the time.
 */
export type SignRequest = (
  request: CacheRequest,
  credentials: CredentialVariables,
) => Promise<Readonly<Record<string, string>>>;

/** Statuses that may change on a retry (https://www.rfc-editor.org/rfc/rfc9110#section-15). */
function isPassing(status: number): boolean {
  if ([408, 425, 429].includes(status)) return true;
  return status >= 500 && ![501, 505, 507, 508, 510, 511, 525, 526].includes(status);
}

/** Transient cloud codes, whatever their status. */
const PASSING_CODES: ReadonlySet<string> = new Set([
  "IncompleteBody",
  "InternalError",
  "OperationAborted",
  "RequestTimeTooSkewed",
  "RequestTimeout",
  "SlowDown",
]);

/** System codes of a wrong certificate or name, which are not network problems. */
const LASTING_SYSTEM_CODE = /CERT|ERR_TLS|ERR_SSL|EPROTO|ERR_HTTP_(?:INVALID|TOO_LARGE)/u;

/**
 * Sends requests to a binary cache, with retries: with full jitter, not sooner than the server asks for, and
 * never beyond the signal. Redirects are not followed, because they would send the content elsewhere.
 */
export class CacheTransport {
  readonly #options: CacheTransportOptions;
  readonly #sign: SignRequest;

  constructor(options: CacheTransportOptions, sign: SignRequest) {
    this.#options = options;
    this.#sign = sign;
  }

  /**
   * Sends a request.
   *
   * @param accepts - statuses that are an answer besides success
   * @throws {@link CacheAnswerError} for any other status, and for an incomplete answer
   */
  async send(request: CacheRequest, accepts: readonly number[] = []): Promise<HttpResponse> {
    const { clock, random, credentials } = this.#options;
    const mark = { bytes: 0 };
    for (let attempt = 1; ; attempt++) {
      const variables = await credentials.get(request.signal);
      try {
        return await this.#sendOnce(request, variables, accepts, mark);
      } catch (error) {
        request.signal.throwIfAborted();
        if (!(error instanceof CacheAnswerError) || attempt === MAX_ATTEMPTS) throw error;
        // At once, because the server did not refuse the request itself.
        if (isRefusal(request, error) && (await credentials.replace(variables, request.signal))) continue;
        if (!mayPass(error)) throw error;
        const jitterMs = random.fraction() * Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
        await sleep(Math.max(jitterMs, error.answer.retryAfterMs ?? 0), request.signal, clock);
        request.signal.throwIfAborted();
      }
    }
  }

  async #sendOnce(
    request: CacheRequest,
    variables: CredentialVariables,
    accepts: readonly number[],
    mark: { bytes: number },
  ): Promise<HttpResponse> {
    const { session, clock, certificateAuthorities, onMove } = this.#options;
    const { method, url, body, name, signal, maxBytes = MAX_ANSWER_BYTES } = request;
    const headers = await this.#sign(request, variables);
    let uploaded = 0;
    const onUploaded = (bytes: number): void => {
      uploaded += bytes;
      // Sending again is not progress.
      if (uploaded > mark.bytes) {
        mark.bytes = uploaded;
        onMove?.();
      }
      request.onUploaded?.(bytes);
    };
    const takeBack = (): void => {
      if (uploaded > 0) request.onUploaded?.(-uploaded);
    };
    const bounds = { maxBytes, signal, certificateAuthorities };
    const saving = request.saveTo === undefined ? {} : { saveTo: request.saveTo, onSaved: () => onMove?.() };
    const sent: HttpRequest = { method, url, headers, body, onUploaded, ...bounds, ...saving };
    const response = await session.send(sent).catch((error: unknown) => {
      takeBack();
      throw toConnectionError(name, error);
    });
    onMove?.();
    if (!Number.isInteger(response.status)) throw new TypeError("The host's HTTP client gives no status");
    const isSuccess = response.status >= 200 && response.status < 300;
    if (isSuccess || accepts.includes(response.status)) return response;
    takeBack();
    throw toAnswerError(name, response, clock.now());
  }
}

/**
 * Codes with which S3 answers for a missing object if the keys may not list the bucket.
 */
const MAY_BE_MISSING: ReadonlySet<string> = new Set(["AccessDenied", "AllAccessDisabled"]);

/** Whether other credentials may be accepted. */
function isRefusal({ method }: CacheRequest, { answer: { status, code } }: CacheAnswerError): boolean {
  const isRead = method === "GET" || method === "HEAD";
  if (code !== undefined)
    return MEANING_OF_CODE.get(code) === "unauthorized" && !(isRead && MAY_BE_MISSING.has(code));
  return status === 401 || (status === 403 && !isRead);
}

function mayPass({ answer: { status, code, systemCode, retryAfterMs = 0 } }: CacheAnswerError): boolean {
  // A long wait is left to the retry of the push.
  if (retryAfterMs > LONGEST_WAIT_MS) return false;
  if (code !== undefined && PASSING_CODES.has(code)) return true;
  if (status !== undefined) return isPassing(status);
  return systemCode === undefined || !LASTING_SYSTEM_CODE.test(systemCode);
}
