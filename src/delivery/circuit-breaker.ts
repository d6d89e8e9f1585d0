/** Failures in a row that open a breaker. */
const THRESHOLD = 5;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/**
 * Protects a server that is down. After 5 transient failures in a row nothing is tried for 30 s, then one
 * attempt. Each further failure doubles the pause, up to 5 minutes.
 */
export class CircuitBreaker {
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #openUntil: number | undefined;
  readonly #onChange: (closedForMs: number | undefined) => void;

  /**
   * @param onChange - called with the pause when it opens, and without one when an attempt reaches the server
   * again
   */
  constructor(onChange: (closedForMs: number | undefined) => void = () => undefined) {
    this.#onChange = onChange;
  }

  /**
   * When it next allows an attempt, in the clock's monotonic milliseconds; absent while it is closed.
   */
  get opensAgainAt(): number | undefined {
    return this.#openUntil;
  }

  /** Whether an attempt may start, given how many run. */
  allows(now: number, running: number): boolean {
    if (this.#openUntil === undefined) return true;
    return now >= this.#openUntil && running === 0;
  }

  /** An attempt reached the server. */
  succeed(): void {
    const wasOpen = this.#openUntil !== undefined;
    this.#failures = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#openUntil = undefined;
    if (wasOpen) this.#onChange(undefined);
  }

  /** An attempt failed in a way that says something about the server. */
  fail(now: number): void {
    // Attempts that were running when it opened say nothing new.
    if (this.#openUntil !== undefined && now < this.#openUntil) return;
    this.#failures++;
    if (this.#failures < THRESHOLD) return;
    if (this.#openUntil !== undefined) this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#openUntil = now + this.#pauseMs;
    this.#onChange(this.#pauseMs);
  }
}
