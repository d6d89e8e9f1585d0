/**
 * HTTP for credential sources and binary caches. It follows no redirect, and uses no proxy but one that a
 * session is made with.
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
   * @throws {@link HttpError} `ERR_HTTP_UNREACHABLE` if there is no answer, `ERR_HTTP_TOO_LARGE` for one
   * beyond the limit, `ERR_HTTP_INVALID` for a request that cannot be sent; the signal's reason on abort
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Makes a session whose connections are kept from one request to the next; absent: there is none, and paths
   * are uploaded by nix. Disposing it closes them.
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
  /** Most connections to one server; further requests wait. */
  readonly maxConnections: number;
  /**
   * URL of the HTTP proxy through which every request goes, `http:` or `https:`; it may hold a login. Default
   * none.
   */
  readonly proxy?: string | undefined;
}

/**
 * An {@link HttpClient} that keeps its connections. A request over one that the server has closed meanwhile
 * is sent anew, at once.
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
   * Told of each piece of a file that was handed to the connection, in bytes; less than 0 for what goes out
   * again.
   */
  readonly onUploaded?: ((bytes: number) => void) | undefined;
  /** Upper bound of the answer's body in bytes, inclusive. */
  readonly maxBytes: number;
  /**
   * Absolute path of a file that the body of a success goes into, piece by piece; it is made anew, for its
   * owner alone. The answer's `body` is empty then. A client that does not know this gives the body as ever,
   * and the package writes the file.
   */
  readonly saveTo?: string | undefined;
  /** Told of each piece that was saved, in bytes. */
  readonly onSaved?: ((bytes: number) => void) | undefined;
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
  /** The whole body; empty where it was saved. */
  readonly body: Uint8Array;
  /** How many bytes were saved into the file that the request named; absent: none. */
  readonly savedBytes?: number | undefined;
}
