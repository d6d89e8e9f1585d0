/**
 * HTTP for credential sources and binary caches. It follows no redirects. It uses a proxy only if a session
 * was created with one.
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
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {@link HttpError} `ERR_HTTP_UNREACHABLE` if there is no answer, `ERR_HTTP_TOO_LARGE` for an
   * answer beyond the limit, `ERR_HTTP_INVALID` for a request that cannot be sent; the signal's reason on
   * abort
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Creates a session that reuses connections. Disposing it closes them. If absent, Nix uploads all paths.
   */
  connect?(options: HttpConnectOptions): HttpSession;
}

/**
 * Options of {@link HttpClient.connect}.
 *
 * @example
 * ```ts
 * const options: HttpConnectOptions = { maxConnections: 64 };
 * ```
 *
 * @public
 */
export interface HttpConnectOptions {
  /** Maximum number of connections to one server. Further requests wait. */
  readonly maxConnections: number;
  /**
   * URL of the HTTP proxy for every request, `http:` or `https:`; it may contain a login. Default none.
   */
  readonly proxy?: string | undefined;
}

/**
 * An {@link HttpClient} that reuses its connections. If the server has closed a connection meanwhile, the
 * request is sent again at once.
 *
 * @public
 */
export interface HttpSession extends Disposable {
  /**
   * Sends one request, as {@link HttpClient.send} does.
   *
   * @throws {@link HttpError} `ERR_HTTP_UNREACHABLE`, `ERR_HTTP_TOO_LARGE`, `ERR_HTTP_INVALID`; the signal's
   * reason on abort
   */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * A part of a file as the body of a request. It is streamed.
 *
 * @example
 * ```ts
 * const body: HttpFileBody = { path: "/run/stage/nar/a.nar.zst", size: 1_048_576 };
 * ```
 *
 * @public
 */
export interface HttpFileBody {
  /** Absolute path. */
  readonly path: string;
  /** Where the part begins, in bytes; default 0. */
  readonly start?: number | undefined;
  /** How long it is, in bytes. */
  readonly size: number;
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
  readonly body?: string | Uint8Array | HttpFileBody | undefined;
  /**
   * Called for each piece of a file that was passed to the connection, in bytes; negative for bytes that are
   * sent again.
   */
  readonly onUploaded?: ((bytes: number) => void) | undefined;
  /** Upper bound of the answer's body in bytes, inclusive. */
  readonly maxBytes: number;
  /**
   * Absolute path of a file for the body of a successful answer. The file is created anew, readable only by
   * its owner, and written piece by piece; `body` of the answer is then empty. A client that does not support
   * this returns the body, and the package writes the file.
   */
  readonly saveTo?: string | undefined;
  /** Called for each piece that was saved, in bytes. */
  readonly onSaved?: ((bytes: number) => void) | undefined;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly certificateAuthorities?: string | undefined;
  /** Name that the server's certificate must have, sent as SNI; default the host of the URL. */
  readonly serverName?: string | undefined;
  /** Aborts the request, also while the answer is read. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An answer of {@link HttpClient}.
 *
 * @public
 */
export interface HttpResponse {
  /** Status code. A redirect is returned like any other answer. */
  readonly status: number;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body; empty if it was saved. */
  readonly body: Uint8Array;
  /** How many bytes were saved into the file of the request, if any. */
  readonly savedBytes?: number | undefined;
}
