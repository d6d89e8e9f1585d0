import type { Diagnostic } from "./config/diagnostic.ts";
import type { DenyDecision } from "./policy/decision.ts";

/**
 * Codes of {@link ConfigError}: the file's content is wrong, the file is not there, or it cannot be read.
 *
 * @public
 */
export type ConfigErrorCode = "ERR_CONFIG_INVALID" | "ERR_CONFIG_NOT_FOUND" | "ERR_CONFIG_UNREADABLE";

/**
 * Codes of {@link PermissionError}: a denied push, or a pattern or ref outside the grammar.
 *
 * @public
 */
export type PermissionErrorCode = "ERR_PERMISSION_DENIED" | "ERR_PATTERN_INVALID" | "ERR_REF_INVALID";

/**
 * Codes of {@link CredentialError}.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_CREDENTIAL_NOT_CONFIGURED` | the host lacks what the source names: an unset variable, no `$CREDENTIALS_DIRECTORY` |
 * | `ERR_CREDENTIAL_NOT_FOUND` | the file, profile or secret is not there |
 * | `ERR_CREDENTIAL_DENIED` | it is there, and the host may not read it |
 * | `ERR_CREDENTIAL_UNREACHABLE` | no answer, or none within the deadline |
 * | `ERR_CREDENTIAL_RATE_LIMITED` | the service asks to come back later |
 * | `ERR_CREDENTIAL_UNAVAILABLE` | the service answers that it cannot serve now |
 * | `ERR_CREDENTIAL_MALFORMED` | what came back breaks the format |
 * | `ERR_CREDENTIAL_EXPIRED` | it is no longer valid |
 * | `ERR_CREDENTIAL_INSECURE_FILE` | others can read or change the file |
 * | `ERR_CREDENTIAL_UNSUPPORTED` | this version does not know the source |
 *
 * @public
 */
export type CredentialErrorCode =
  | "ERR_CREDENTIAL_NOT_CONFIGURED"
  | "ERR_CREDENTIAL_NOT_FOUND"
  | "ERR_CREDENTIAL_DENIED"
  | "ERR_CREDENTIAL_UNREACHABLE"
  | "ERR_CREDENTIAL_RATE_LIMITED"
  | "ERR_CREDENTIAL_UNAVAILABLE"
  | "ERR_CREDENTIAL_MALFORMED"
  | "ERR_CREDENTIAL_EXPIRED"
  | "ERR_CREDENTIAL_INSECURE_FILE"
  | "ERR_CREDENTIAL_UNSUPPORTED";

/**
 * Codes of {@link CommandError}.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_STORE_PATH_INVALID` | a text that is no store path, or one that must not be pushed |
 * | `ERR_COMMAND_INVALID` | a command that cannot be built or started as given |
 * | `ERR_COMMAND_CREDENTIALS` | credentials that the tool would ignore, or lacks |
 * | `ERR_COMMAND_NOT_FOUND` | the executable is not on the PATH |
 *
 * @public
 */
export type CommandErrorCode =
  | "ERR_STORE_PATH_INVALID"
  | "ERR_COMMAND_INVALID"
  | "ERR_COMMAND_CREDENTIALS"
  | "ERR_COMMAND_NOT_FOUND";

/**
 * Codes of {@link PushError}.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_PUSH_FAILED` | the push tool ended with an error |
 * | `ERR_PUSH_TIMEOUT` | the push did not end in time |
 * | `ERR_PUSH_ABORTED` | the host asked to stop |
 * | `ERR_STORE_PATH_NOT_VALID` | the Nix store does not hold a path |
 * | `ERR_AUDIT_FAILED` | an audit sink failed, so nothing was pushed |
 * | `ERR_REGISTRY_CLOSED` | the registry was disposed |
 *
 * @public
 */
export type PushErrorCode =
  | "ERR_PUSH_FAILED"
  | "ERR_PUSH_TIMEOUT"
  | "ERR_PUSH_ABORTED"
  | "ERR_STORE_PATH_NOT_VALID"
  | "ERR_AUDIT_FAILED"
  | "ERR_REGISTRY_CLOSED";

/**
 * Codes of {@link FileError}, which a {@link FileSystem} throws.
 *
 * @public
 */
export type FileErrorCode =
  | "ERR_FILE_NOT_FOUND"
  | "ERR_FILE_DENIED"
  | "ERR_FILE_NOT_REGULAR"
  | "ERR_FILE_TOO_LARGE"
  | "ERR_FILE_UNREADABLE";

/**
 * Every code of this package.
 *
 * @public
 */
export type CachesErrorCode =
  | ConfigErrorCode
  | PermissionErrorCode
  | CredentialErrorCode
  | CommandErrorCode
  | PushErrorCode
  | FileErrorCode;

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

  /**
   * @param code - what went wrong
   * @param sourceType - the `type` of the source
   * @param message - text for people, free of secrets
   */
  constructor(code: CredentialErrorCode, sourceType: string, message: string) {
    super(message);
    this.code = code;
    this.sourceType = sourceType;
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
  | FileError;

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
