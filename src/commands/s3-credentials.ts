import type { Secret } from "../core/secret.ts";
import { credentialProblem, refuseUnusedCredentials } from "./push-input.ts";

const ALIASES: Readonly<Record<string, string>> = {
  MINIO_ACCESS_KEY: "AWS_ACCESS_KEY_ID",
  MINIO_SECRET_KEY: "AWS_SECRET_ACCESS_KEY",
};

const USABLE = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  ...Object.keys(ALIASES),
];

/** The names of the region. It is not a secret; Nix reads it only from the URL. */
const REGION_NAMES = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/** Finds the region among credentials; a profile may have one. */
export function findRegion(env: ReadonlyMap<string, Secret>): string | undefined {
  const value = REGION_NAMES.map((name) => env.get(name)?.expose()).find((region) => region !== undefined);
  if (value === undefined || /^[a-z0-9-]{1,64}$/u.test(value)) return value;
  throw credentialProblem(`${REGION_NAMES.join(" or ")} is not the name of a region`);
}

/**
 * Gives S3 credentials the names that every version of Nix reads. None reads those of MinIO.
 *
 * @returns the variables; without keys, none
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function toS3Variables(env: ReadonlyMap<string, Secret>): ReadonlyMap<string, Secret> {
  refuseCloudTokens(env);
  refuseUnusedCredentials(env, USABLE, "nix copy to S3");
  const variables = new Map<string, Secret>();
  for (const [name, value] of env) {
    if (REGION_NAMES.includes(name)) continue;
    const target = ALIASES[name] ?? name;
    if (variables.has(target))
      throw credentialProblem(`${target} is given twice, once under the name of MinIO`);
    variables.set(target, value);
  }
  const hasId = variables.has("AWS_ACCESS_KEY_ID");
  if (hasId !== variables.has("AWS_SECRET_ACCESS_KEY") || (!hasId && env.size > 0)) {
    throw credentialProblem("nix copy to S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together");
  }
  return variables;
}

// No version of Nix can reach S3 with a token of another cloud.
function refuseCloudTokens(env: ReadonlyMap<string, Secret>): void {
  const token = ["GOOGLE_OAUTH_ACCESS_TOKEN", "AZURE_ACCESS_TOKEN"].find((name) => env.has(name));
  if (token === undefined) return;
  const hint =
    "write role_arn under instance-metadata, so that the machine's identity is exchanged for the keys of an AWS role";
  throw credentialProblem(`nix copy to S3 cannot use ${token}; ${hint}`);
}
