/** What a server answered to a request of this package. */
export interface ServerAnswer {
  /** The status; absent if there was no complete answer. */
  readonly status?: number | undefined;
  /** The cloud's own code, as in `SlowDown`. */
  readonly code?: string | undefined;
  /** The system's error code of the connection, such as `ECONNREFUSED`. */
  readonly systemCode?: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}
