import type { Secret } from "../core/secret.ts";

/**
 * What the commands of a cache are built from, besides its destination.
 *
 * @example
 * ```ts
 * const input: ToolInput = { storePaths, credentials: { env: new Map() } };
 * ```
 *
 * @public
 */
export interface ToolInput {
  /** The paths, at least one. They become arguments of one command, which can take some hundred. */
  readonly storePaths: readonly string[];
  /** The credentials, by the names of the table in {@link buildPushCommand}. */
  readonly credentials: {
    /** Values by name. */
    readonly env: ReadonlyMap<string, Secret>;
  };
  /** The store's directory; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
  /**
   * Whether the tool reports progress for programs, if it can; Nix then writes JSON lines. Default false.
   */
  readonly progress?: boolean | undefined;
  /** The host's shared AWS files; needed for an S3 destination with `profile=` and no keys. */
  readonly awsFiles?: AwsFilePaths | undefined;
  /**
   * What `nix --version` prints. An S3 `endpoint` is written in the form that this version expects. If
   * absent, the form of Nix 2.33 and newer is used; older versions may not understand it, but none reads it
   * as plain HTTP.
   */
  readonly nixVersion?: string | undefined;
}

/**
 * Where the host's shared AWS files are.
 *
 * @public
 */
export interface AwsFilePaths {
  /** Absolute path of the credentials file. */
  readonly credentials: string;
  /** Absolute path of the configuration file. */
  readonly config: string;
}
