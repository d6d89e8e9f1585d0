import type { CommandSpec, PrivateFile } from "./command.ts";

/**
 * How Nix reaches a cache as a store, and authenticates there.
 *
 * @example
 * ```ts
 * const access: NixStoreAccess = { url: "file:///srv/hand-over" };
 * ```
 *
 * @public
 */
export interface NixStoreAccess {
  /** URL of the store. It becomes an argument, so it must not contain a secret. */
  readonly url: string;
  /** Environment variables that nix needs for it. */
  readonly env?: CommandSpec["env"] | undefined;
  /** Private files that nix needs for it, as a key. */
  readonly files?: readonly PrivateFile[] | undefined;
  /** Users and passwords by host. If absent, there are none, and those of the machine are not read. */
  readonly netrc?: PrivateFile | undefined;
}
