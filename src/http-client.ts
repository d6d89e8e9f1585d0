/**
 * HTTP for credential sources. It follows no redirect, uses no proxy and keeps no connection.
 *
 * @public
 */
export interface HttpClient {
  /**
   * Sends one request, and reads the whole answer, whatever its status.
   *
   * @throws {@link HttpError} if there is no answer, or one that is too large; the signal's reason on abort
   */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * A request of {@link HttpClient}.
 *
 * @public
 */
export interface HttpRequest {
  /** Method in upper case. */
  readonly method: string;
  /** Absolute URL, `http:` or `https:`. */
  readonly url: string;
  /** Headers by name. They may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Body; default none. */
  readonly body?: string | Uint8Array | undefined;
  /** Upper bound of the answer's body in bytes, inclusive. */
  readonly maxBytes: number;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly certificateAuthorities?: string | undefined;
  /** Ends the request, also while the answer is read. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An answer of {@link HttpClient}.
 *
 * @public
 */
export interface HttpResponse {
  /** Status code; a redirect is an answer like any other. */
  readonly status: number;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body. */
  readonly body: Uint8Array;
}
