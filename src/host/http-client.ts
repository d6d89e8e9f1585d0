/**
 * HTTP for credential sources. It follows no redirect, uses no proxy and keeps no connection.
 *
 * @example
 * ```ts
 * const offline: HttpClient = { send: () => Promise.reject(new HttpError("ERR_HTTP_UNREACHABLE", "This host has no network")) };
 * ```
 *
 * @public
 */
export interface HttpClient {
  /**
   * Sends one request, and reads the whole answer, whatever its status.
   *
   * @throws {@link HttpError} `ERR_HTTP_UNREACHABLE` if there is no answer, `ERR_HTTP_TOO_LARGE` for one beyond the limit,
   * `ERR_HTTP_INVALID` for a request that cannot be sent; the signal's reason on abort
   */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * A request of {@link HttpClient}.
 *
 * @example
 * ```ts
 * const request: HttpRequest = { method: "GET", url: "https://vault.example.com/v1/sys/health", headers: {}, maxBytes: 65_536 };
 * ```
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
  /** Name that the server's certificate must carry, and that is asked for; default the host of the URL. */
  readonly serverName?: string | undefined;
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
