import type { ConfigErrorCode } from "../../core/error-codes.ts";
import { CachesError } from "../../core/errors.ts";
import type { Diagnostic } from "./diagnostic.ts";

/**
 * A configuration file is wrong or cannot be read.
 *
 * @example
 * ```ts
 * if (error instanceof ConfigError) for (const diagnostic of error.diagnostics) log(formatDiagnostic(diagnostic));
 * ```
 *
 * @public
 */
export class ConfigError extends CachesError<ConfigErrorCode> {
  /** Name of the class. */
  override readonly name = "ConfigError";
  /** All problems found, warnings among them; at least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /**
   * @param code - what went wrong
   * @param message - text for people, free of received values
   * @param diagnostics - the problems found
   */
  constructor(code: ConfigErrorCode, message: string, diagnostics: readonly Diagnostic[] = []) {
    super(code, message);
    this.diagnostics = diagnostics;
  }
}
