import type { ConfigError } from "../config/text/config-error.ts";
import {
  CachesError,
  type CommandError,
  type CredentialError,
  type FileError,
  type ForgeError,
  type HttpError,
  type PushError,
} from "../core/errors.ts";
import type { PermissionError } from "../policy/permission-error.ts";

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
  | ForgeError
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
