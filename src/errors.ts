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
 * @public
 */
export abstract class CachesError extends Error {
  /** What went wrong, for programs. Messages are for people and may change. */
  abstract readonly code: CachesErrorCode;

  /** Name, code and message, so that a stored report says why. */
  toJSON(): {
    /** Name of the class. */
    readonly name: string;
    /** What went wrong, for programs. */
    readonly code: CachesErrorCode;
    /** What went wrong, for people. */
    readonly message: string;
  } {
    return { name: this.name, code: this.code, message: this.message };
  }
}

/**
 * A configuration file is wrong or cannot be read.
 *
 * @public
 */
export class ConfigError extends CachesError {
  /** Name of the class. */
  override readonly name = "ConfigError";
  /** What went wrong, for programs. */
  readonly code: ConfigErrorCode;
  /** All problems found, warnings among them; at least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /**
   * @param code - what went wrong
   * @param message - text for people, free of received values
   * @param diagnostics - the problems found
   */
  constructor(code: ConfigErrorCode, message: string, diagnostics: readonly Diagnostic[] = []) {
    super(message);
    this.code = code;
    this.diagnostics = diagnostics;
  }
}

/**
 * A push is not allowed, or a pattern or ref is outside the grammar.
 *
 * @public
 */
export class PermissionError extends CachesError {
  /** Name of the class. */
  override readonly name = "PermissionError";
  /** What went wrong, for programs. */
  readonly code: PermissionErrorCode;
  /** The decision that denied the push; with `ERR_PERMISSION_DENIED`. */
  readonly decision?: DenyDecision | undefined;

  /**
   * @param code - what went wrong
   * @param message - text for people
   * @param decision - the decision behind `ERR_PERMISSION_DENIED`
   */
  constructor(code: PermissionErrorCode, message: string, decision?: DenyDecision) {
    super(message);
    this.code = code;
    this.decision = decision;
  }
}

/**
 * Credentials could not be had.
 *
 * @public
 */
export class CredentialError extends CachesError {
  /** Name of the class. */
  override readonly name = "CredentialError";
  /** What went wrong, for programs. */
  readonly code: CredentialErrorCode;
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
    super(message);
    this.code = code;
    this.sourceType = sourceType;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A command cannot be built, or cannot be started.
 *
 * @public
 */
export class CommandError extends CachesError {
  /** Name of the class. */
  override readonly name = "CommandError";
  /** What went wrong, for programs. */
  readonly code: CommandErrorCode;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of secrets
   */
  constructor(code: CommandErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A push was allowed and did not succeed.
 *
 * @public
 */
export class PushError extends CachesError {
  /** Name of the class. */
  override readonly name = "PushError";
  /** What went wrong, for programs. */
  readonly code: PushErrorCode;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of secrets
   */
  constructor(code: PushErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A {@link FileSystem} could not read a file.
 *
 * @public
 */
export class FileError extends CachesError {
  /** Name of the class. */
  override readonly name = "FileError";
  /** What went wrong, for programs. */
  readonly code: FileErrorCode;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of the file's content
   */
  constructor(code: FileErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * An {@link HttpClient} got no answer that it could hand on.
 *
 * @public
 */
export class HttpError extends CachesError {
  /** Name of the class. */
  override readonly name = "HttpError";
  /** What went wrong, for programs. */
  readonly code: HttpErrorCode;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of headers and bodies
   */
  constructor(code: HttpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Any error of this package, for an exhaustive `switch` on `code` or `name`.
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
