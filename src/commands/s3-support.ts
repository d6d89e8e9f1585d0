import { type CommandSpec, privateHome } from "./command.ts";

/** Nobody answers there, and nothing leaves the machine. */
const NOWHERE = "s3://eka-ci-caches?endpoint=http://127.0.0.1:9&region=us-east-1";

/** Builds the question whether nix was built with S3. It reaches no network, and its end says nothing: only what it prints does. */
export function buildS3SupportCommand(): CommandSpec {
  const keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((name) => [name, "none"] as const);
  const args = ["--extra-experimental-features", "nix-command", "store", "ping", "--store", NOWHERE];
  return {
    file: "nix",
    args: [...args, "--option", "download-attempts", "1"],
    env: new Map([...privateHome(), ...keys, ["AWS_EC2_METADATA_DISABLED", "true"]]),
    files: [],
  };
}

/** Whether nix says that it has no S3. */
export function lacksS3(output: string): boolean {
  return /\bdon't know how to open Nix store\b/u.test(output);
}
