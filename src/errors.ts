import type { Diagnostic } from "./config/diagnostic.ts";
import type {
  CachesErrorCode,
  CommandErrorCode,
  ConfigErrorCode,
  CredentialErrorCode,
  FileErrorCode,
  HttpErrorCode,
  PermissionErrorCode,
  PushErrorCode,
} from "./error-codes.ts";
import type { DenyDecision } from "./policy/decision.ts";

/**
 * The base of every error of this package. Errors of libraries are never attached as `cause`: several of them
 * carry tokens.
 *
 * @example
 * ```ts
 * if (isCachesError(error)) log(`${error.name} ${error.code}: ${error.message}`);
 * ```
 *
 * @public
 */
export abstract class CachesError<Code extends CachesErrorCode = CachesErrorCode> extends Error {
  /** What went wrong, for programs. Messages are for people and may change. */
  readonly code: Code;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of secrets and of what was received
   */
  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }

  /** Name, code and message, so that a stored report says why. */
  toJSON(): {
    /** Name of the class. */
    readonly name: string;
    /** What went wrong, for programs. */
    readonly code: Code;
    /** What went wrong, for people. */
    readonly message: string;
  } {
    return { name: this.name, code: this.code, message: this.message };
  }
}

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

/**
 * A push is not allowed, or a pattern or ref is outside the grammar.
 *
 * @example
 * ```ts
 * if (error instanceof PermissionError) show(error.decision?.reason);
 * ```
 *
 * @public
 */
export class PermissionError extends CachesError<PermissionErrorCode> {
  /** Name of the class. */
  override readonly name = "PermissionError";
  /** The decision that denied the push; with `ERR_PERMISSION_DENIED`. */
  readonly decision?: DenyDecision | undefined;

  /**
   * @param code - what went wrong
   * @param message - text for people
   * @param decision - the decision behind `ERR_PERMISSION_DENIED`
   */
  constructor(code: PermissionErrorCode, message: string, decision?: DenyDecision) {
    super(code, message);
    this.decision = decision;
  }
}

/**
 * Credentials could not be had.
 *
 * @example
 * ```ts
 * if (error instanceof CredentialError) alertOperators(`${error.sourceType}: ${error.code}`);
 * ```
 *
 * @public
 */
export class CredentialError extends CachesError<CredentialErrorCode> {
  /** Name of the class. */
  override readonly name = "CredentialError";
  /** The `type` of the source that failed. */
  readonly sourceType: string;
  /** How long the service asks to wait, in milliseconds; with `ERR_CREDENTIAL_RATE_LIMITED` where it says so. */
  readonly retryAfterMs?: number | undefined;

  /**
   * @param code - what went wrong
   * @param sourceType - the `type` of the source
   * @param message - text for people, free of secrets
   * @param retryAfterMs - how long the service asks to wait, in milliseconds
   */
  constructor(code: CredentialErrorCode, sourceType: string, message: string, retryAfterMs?: number) {
    super(code, message);
    this.sourceType = sourceType;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A command cannot be built, or cannot be started.
 *
 * @example
 * ```ts
 * if (error instanceof CommandError && error.code === "ERR_COMMAND_NOT_FOUND") alertOperators(error.message);
 * ```
 *
 * @public
 */
export class CommandError extends CachesError<CommandErrorCode> {
  /** Name of the class. */
  override readonly name = "CommandError";
}

/**
 * A push was allowed and did not succeed.
 *
 * @example
 * ```ts
 * if (error instanceof PushError && error.code === "ERR_STORE_PATH_NOT_VALID") show(error.storePaths);
 * ```
 *
 * @public
 */
export class PushError extends CachesError<PushErrorCode> {
  /** Name of the class. */
  override readonly name = "PushError";
  /** The paths it is about, where not all that were pushed share it. */
  readonly storePaths?: readonly string[] | undefined;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of secrets
   * @param storePaths - the paths it is about, where not all that were pushed share it
   */
  constructor(code: PushErrorCode, message: string, storePaths?: readonly string[]) {
    super(code, message);
    this.storePaths = storePaths;
  }
}

/**
 * A {@link FileSystem} could not read a file.
 *
 * @example
 * ```ts
 * if (error instanceof FileError && error.code === "ERR_FILE_DENIED") alertOperators(error.message);
 * ```
 *
 * @public
 */
export class FileError extends CachesError<FileErrorCode> {
  /** Name of the class. */
  override readonly name = "FileError";
}

/**
 * An {@link HttpClient} got no answer that it could hand on.
 *
 * @example
 * ```ts
 * if (error instanceof HttpError && error.code === "ERR_HTTP_UNREACHABLE") alertOperators(error.message);
 * ```
 *
 * @public
 */
export class HttpError extends CachesError<HttpErrorCode> {
  /** Name of the class. */
  override readonly name = "HttpError";
}

/**
 * Any error of this package, for an exhaustive `switch` on `code` or `name`.
 *
 * @example
 * ```ts
 * const toExitCode = (error: AnyCachesError) => (error.name === "ConfigError" ? 2 : 1); // `name` and `code` narrow
 * ```
 *
 * @public
 */
export type AnyCachesError =
  | ConfigError
  | PermissionError
  | CredentialError
  | CommandError
  | PushError
  | FileError
  | HttpError;

/**
 * Whether a caught value is an error of this package.
 *
 * @param value - anything
 * @returns true for {@link AnyCachesError}
 *
 * @example
 * ```ts
 * try {
 *   parseServerConfig(text);
 * } catch (error) {
 *   if (isCachesError(error)) console.error(error.code);
 * }
 * ```
 *
 * @public
 */
export function isCachesError(value: unknown): value is AnyCachesError {
  return value instanceof CachesError;
}
