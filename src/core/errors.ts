import type {
  CachesErrorCode,
  CommandErrorCode,
  CredentialErrorCode,
  FileErrorCode,
  HttpErrorCode,
  PushErrorCode,
} from "./error-codes.ts";

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
