import { type CommandSpec, privateHome } from "./command.ts";

/** Nothing listens there, and nothing leaves the machine. */
const NOWHERE = "s3://eka-ci-caches?endpoint=http://127.0.0.1:9&region=us-east-1";

/**
 * Builds the command that reveals the S3 support of Nix. It uses no network. Only its output counts, not its
 * exit code; about signatures, only the debug output.
 */
export function buildS3SupportCommand(): CommandSpec {
  const keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((name) => [name, "none"] as const);
  const args = ["--extra-experimental-features", "nix-command", "store", "ping", "--store", NOWHERE];
  return {
    file: "nix",
    args: [...args, "--option", "download-attempts", "1", "--debug"],
    env: new Map([...privateHome(), ...keys, ["AWS_EC2_METADATA_DISABLED", "true"]]),
    files: [],
  };
}

/** What an installation of Nix lacks for S3. */
export type S3Gap = "s3" | "signatures";

/**
 * Reads from the output what Nix lacks. Since 2.33 every build has S3, but not every build can sign.
 */
export function findS3Gap(output: string): S3Gap | undefined {
  if (/\bdon't know how to open Nix store\b/u.test(output)) return "s3";
  return /\bbuilt without AWS support\b/u.test(output) ? "signatures" : undefined;
}
