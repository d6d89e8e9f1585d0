/** What a server answered to a request of this package's own. */
export interface ServerAnswer {
  /** The status; absent where there was no whole answer. */
  readonly status?: number | undefined;
  /** The cloud's own code, as in `SlowDown`. */
  readonly code?: string | undefined;
  /** What the system says of the connection, as in `ECONNREFUSED`. */
  readonly systemCode?: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}
