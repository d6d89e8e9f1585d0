import { posix } from "node:path";
import type { Runtime } from "../host/runtime.ts";

/** Where the shared AWS files are, by the rules of the AWS SDKs. */
export interface AwsFiles {
  /** Absolute path of the credentials file. */
  readonly credentials: string;
  /** Absolute path of the configuration file. */
  readonly config: string;
}

/**
 * Finds the shared AWS files: `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, else those under `~/.aws`.
 */
export function findAwsFiles({ env, user, workingDirectory }: Runtime): AwsFiles {
  const expand = (path: string): string =>
    posix.resolve(workingDirectory(), path.replace(/^~(?=\/)/u, user.homeDirectory));
  return {
    credentials: expand(env["AWS_SHARED_CREDENTIALS_FILE"] || "~/.aws/credentials"),
    config: expand(env["AWS_CONFIG_FILE"] || "~/.aws/config"),
  };
}
