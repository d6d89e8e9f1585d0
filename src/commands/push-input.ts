import type { CacheDestination } from "../core/cache.ts";
import { showCredentialName } from "../core/environment-name.ts";
import { CommandError } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { AwsFilePaths } from "./host-paths.ts";

/**
 * What a push command is built from.
 *
 * @example
 * ```ts
 * const input: PushCommandInput = { destination, storePaths, credentials: { env: new Map([["HTTP_PASSWORD", new Secret("…")]]) } };
 * ```
 *
 * @public
 */
export interface PushCommandInput<Destination extends CacheDestination = CacheDestination> {
  /** Where the paths go. */
  readonly destination: Destination;
  /** The paths, at least one. They become arguments of one command, which takes some hundred safely. */
  readonly storePaths: readonly string[];
  /** The credentials, by the names of the table in {@link buildPushCommand}. */
  readonly credentials: {
    /** Values by name. */
    readonly env: ReadonlyMap<string, Secret>;
  };
  /** The store's directory; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
  /** Whether the tool is to tell its progress for programs, where it can: nix then writes JSON lines. Default false. */
  readonly progress?: boolean | undefined;
  /** The host's shared AWS files; needed for an S3 destination with `profile=` and no keys. */
  readonly awsFiles?: AwsFilePaths | undefined;
  /**
   * What `nix --version` prints. An S3 destination with `endpoint` is written in the form that this version reads; absent: in the form of
   * Nix 2.33 and newer, which older versions may not read, and which no version takes for plain HTTP.
   */
  readonly nixVersion?: string | undefined;
}

/**
 * Refuses credentials that a tool would ignore: the push would fail without them, or run as somebody else.
 *
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function refuseUnusedCredentials(
  env: ReadonlyMap<string, Secret>,
  usable: readonly string[],
  tool: string,
): void {
  const unused = [...env.keys()].filter((name) => !usable.includes(name));
  if (unused.length === 0) return;
  const names = unused.map(showCredentialName).join(", ");
  throw credentialProblem(`${tool} would ignore ${names}; it can use ${usable.join(", ")}`);
}

/** A problem with credentials that is found before the push. */
export function credentialProblem(message: string): CommandError {
  return new CommandError("ERR_COMMAND_CREDENTIALS", message);
}
