import type { ErrorCodes } from "../../core/error-codes.ts";
import { CachesError, nameErrors } from "../../core/errors.ts";
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
export class ConfigError extends CachesError<ErrorCodes["ConfigError"]> {
  declare readonly name: "ConfigError";
  static {
    nameErrors(ConfigError, "ConfigError");
  }

  /** All problems found, warnings among them; at least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /**
   * @param code - what went wrong
   * @param message - text for people, free of received values
   * @param diagnostics - the problems found
   */
  constructor(code: ErrorCodes["ConfigError"], message: string, diagnostics: readonly Diagnostic[] = []) {
    super(code, message);
    this.diagnostics = diagnostics;
  }
}
