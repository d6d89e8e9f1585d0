const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** What a {@link Secret} prints as, everywhere. */
const REDACTED = "[redacted]";

/**
 * A value that cannot be printed by accident.
 *
 * Templates, `JSON.stringify`, `util.inspect` (also with `showHidden`), spreading and `structuredClone` show
 * `[redacted]` or nothing. Read the value with {@link Secret.expose}, only where it is passed to the process
 * that needs it.
 *
 * @example
 * ```ts
 * const token = new Secret("s3cr3t-value");
 * `${token}`; // "[redacted]"
 * token.expose(); // "s3cr3t-value"
 * ```
 *
 * @public
 */
export class Secret {
  readonly #value: string;

  /**
   * Wraps a value.
   *
   * @param value - the text to keep; any length, also empty
   */
  constructor(value: string) {
    if (typeof value !== "string") throw new TypeError("A Secret wraps a text");
    this.#value = value;
  }

  /** Returns the value. Call it as late as possible, and never put the result into a message. */
  expose(): string {
    return this.#value;
  }

  /** Whether another secret wraps the same text. */
  equals(other: Secret): boolean {
    return #value in other && other.#value === this.#value;
  }

  /** Always `[redacted]`. */
  toString(): string {
    return REDACTED;
  }

  /** Always `[redacted]`. */
  toJSON(): string {
    return REDACTED;
  }

  /** Always `[redacted]`, for templates and concatenation. */
  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  /** Always `[redacted]`, for `util.inspect` and `console.log`. */
  [inspect](): string {
    return REDACTED;
  }
}
