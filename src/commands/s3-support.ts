import { type CommandSpec, privateHome } from "./command.ts";

/** Nobody answers there, and nothing leaves the machine. */
const NOWHERE = "s3://eka-ci-caches?endpoint=http://127.0.0.1:9&region=us-east-1";

/**
 * Builds the question what nix was built with for S3. It reaches no network, and its end says nothing: only
 * what it prints does, and of signatures only where it prints everything.
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

/** What a nix lacks for S3. */
export type S3Gap = "s3" | "signatures";

/**
 * Finds out what nix says that it lacks. From 2.33 on, S3 is there in every build, and signatures are not.
 */
export function findS3Gap(output: string): S3Gap | undefined {
  if (/\bdon't know how to open Nix store\b/u.test(output)) return "s3";
  return /\bbuilt without AWS support\b/u.test(output) ? "signatures" : undefined;
}
