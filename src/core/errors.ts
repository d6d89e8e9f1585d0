import type { CachesErrorCode, ErrorCodes } from "./error-codes.ts";

/** A registered symbol, so that errors of a second copy of this package are recognised. */
const MARK = Symbol.for("@eka-ci/caches/error");

/** Sets the name of a class on its prototype, where it survives minification. */
export function nameErrors(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, "name", { value: name, configurable: true, writable: true });
}

function isMadeBy(errorClass: { readonly prototype: Error }, value: unknown): boolean {
  if (Function.prototype[Symbol.hasInstance].call(errorClass, value)) return true;
  if (typeof value !== "object" || value === null || !(MARK in value) || !("name" in value)) return false;
  // A class that a host derives has the same name as ours. Only its own errors are instances of it.
  const { prototype } = errorClass;
  return errorClass === CachesError || (Object.hasOwn(prototype, "name") && value.name === prototype.name);
}

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

  static {
    Object.defineProperty(CachesError.prototype, MARK, { value: true });
  }

  /**
   * Whether a value is an error of this class, even if a second copy of this package created it.
   *
   * @param value - anything
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class behind `instanceof` may be any that extends this one
    return isMadeBy(this, value);
  }

  /** Name, code and message, so that a stored report has the reason. */
  toJSON(): {
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
 * Credentials could not be fetched.
 *
 * @example
 * ```ts
 * if (error instanceof CredentialError) alertOperators(`${error.sourceType}: ${error.code}`);
 * ```
 *
 * @public
 */
export class CredentialError extends CachesError<ErrorCodes["CredentialError"]> {
  declare readonly name: "CredentialError";
  static {
    nameErrors(CredentialError, "CredentialError");
  }

  /** The `type` of the source that failed. */
  readonly sourceType: string;
  /**
   * How long the service asks to wait, in milliseconds; with `ERR_CREDENTIAL_RATE_LIMITED`, if the service
   * says so.
   */
  readonly retryAfterMs?: number | undefined;

  /**
   * @param code - what went wrong
   * @param sourceType - the `type` of the source
   * @param message - text for people, free of secrets
   * @param retryAfterMs - how long the service asks to wait, in milliseconds
   */
  constructor(
    code: ErrorCodes["CredentialError"],
    sourceType: string,
    message: string,
    retryAfterMs?: number,
  ) {
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
export class CommandError extends CachesError<ErrorCodes["CommandError"]> {
  declare readonly name: "CommandError";
  static {
    nameErrors(CommandError, "CommandError");
  }
}

/**
 * A push was allowed and failed.
 *
 * @example
 * ```ts
 * if (error instanceof PushError && error.code === "ERR_STORE_PATH_NOT_VALID") show(error.storePaths);
 * ```
 *
 * @public
 */
export class PushError extends CachesError<ErrorCodes["PushError"]> {
  declare readonly name: "PushError";
  static {
    nameErrors(PushError, "PushError");
  }

  /**
   * The paths that the error is about, if it is not about all paths of the push. They may be references of
   * pushed paths.
   */
  readonly storePaths?: readonly string[] | undefined;

  /**
   * @param code - what went wrong
   * @param message - text for people, free of secrets
   * @param storePaths - the paths that the error is about, if it is not about all paths of the push
   */
  constructor(code: ErrorCodes["PushError"], message: string, storePaths?: readonly string[]) {
    super(code, message);
    this.storePaths = storePaths;
  }
}

/**
 * A request that claims to be an event of a forge cannot be trusted.
 *
 * @example
 * ```ts
 * if (error instanceof ForgeError) respond(error.code === "ERR_FORGE_SIGNATURE" ? 401 : 400);
 * ```
 *
 * @public
 */
export class ForgeError extends CachesError<ErrorCodes["ForgeError"]> {
  declare readonly name: "ForgeError";
  static {
    nameErrors(ForgeError, "ForgeError");
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
export class FileError extends CachesError<ErrorCodes["FileError"]> {
  declare readonly name: "FileError";
  static {
    nameErrors(FileError, "FileError");
  }
}

/**
 * An {@link HttpClient} got no usable answer.
 *
 * @example
 * ```ts
 * if (error instanceof HttpError && error.code === "ERR_HTTP_UNREACHABLE") alertOperators(error.message);
 * ```
 *
 * @public
 */
export class HttpError extends CachesError<ErrorCodes["HttpError"]> {
  declare readonly name: "HttpError";
  static {
    nameErrors(HttpError, "HttpError");
  }
  /** The system's error code of a failed connection, such as `ECONNREFUSED`, if there is one. */
  readonly systemCode: string | undefined;

  /**
   * Makes an error.
   *
   * @param code - what went wrong
   * @param message - text for people, without secrets
   * @param systemCode - the system's error code
   */
  constructor(code: ErrorCodes["HttpError"], message: string, systemCode?: string) {
    super(code, message);
    this.systemCode = systemCode;
  }
}
