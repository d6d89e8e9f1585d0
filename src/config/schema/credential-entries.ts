import * as v from "valibot";
import { coded } from "./schema-issues.ts";
import { table } from "./schema-table.ts";
import { absolutePath, credentialName, environmentName, region, roleArn, text } from "./text-schemas.ts";
import { vaultEntry } from "./vault-entry.ts";

const env = table({
  vars: v.pipe(
    v.array(environmentName),
    v.minLength(1, coded("invalid-value", "Name at least one variable")),
    v.maxLength(64, coded("invalid-value", "Name at most 64 variables")),
    v.check(
      (names) => new Set(names).size === names.length,
      coded("invalid-value", "A variable is named twice"),
    ),
    v.metadata({ uniqueItems: true }),
    v.description("Names of variables, 1 to 64; all must be set."),
    v.examples([["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]]),
  ),
});

const file = table({
  path: v.pipe(absolutePath, v.description("Absolute path."), v.examples(["/etc/eka-ci/cache-credentials"])),
  file_permissions: v.optional(
    v.pipe(
      v.picklist(["strict", "off"]),
      v.description("strict (the default) refuses a file that others may read or change."),
      v.examples(["strict"]),
    ),
  ),
});

const awsProfile = table({
  profile: v.pipe(text, v.description("Name of the profile."), v.examples(["production"])),
});

const cachixToken = table({
  env_var: v.pipe(
    environmentName,
    v.description("Name of the variable that holds the token."),
    v.examples(["CACHIX_AUTH_TOKEN"]),
  ),
});

const awsSecretsManager = table({
  secret_name: v.pipe(
    text,
    v.description("Name or ARN of the secret."),
    v.examples(["eka-ci/s3-cache-credentials"]),
  ),
  region: v.optional(
    v.pipe(region, v.description("AWS region; default that of AWS_REGION."), v.examples(["us-east-1"])),
  ),
});

const instanceMetadata = table({
  provider: v.optional(
    v.pipe(
      v.picklist(["aws", "gcp", "azure"]),
      v.description("The cloud. By default it is detected."),
      v.examples(["aws"]),
    ),
  ),
  role_arn: v.optional(
    v.pipe(
      roleArn,
      v.description("AWS role to assume with the identity of a Google Cloud or Azure machine."),
      v.examples(["arn:aws:iam::123456789012:role/push"]),
    ),
  ),
  audience: v.optional(
    v.pipe(text, v.description("Audience of that identity."), v.examples(["api://AzureADTokenExchange"])),
  ),
  client_id: v.optional(
    v.pipe(
      text,
      v.description("Client id of a user-assigned identity on Azure."),
      v.examples(["00000000-0000-0000-0000-000000000000"]),
    ),
  ),
  region: v.optional(
    v.pipe(region, v.description("AWS region whose STS is asked for the role."), v.examples(["us-east-1"])),
  ),
});

/** The sources under `credentials`. Keys beginning with `custom:` are sources that the host defines. */
export const credentialEntries = {
  env: v.optional(v.pipe(env, v.description("Named variables of the server's environment."))),
  file: v.optional(v.pipe(file, v.description("A file of KEY=VALUE lines."))),
  "aws-profile": v.optional(v.pipe(awsProfile, v.description("A profile of the shared AWS files."))),
  "cachix-token": v.optional(v.pipe(cachixToken, v.description("A Cachix auth token in one variable."))),
  vault: v.optional(v.pipe(vaultEntry, v.description("A secret in HashiCorp Vault."))),
  "aws-secrets-manager": v.optional(
    v.pipe(awsSecretsManager, v.description("A secret in AWS Secrets Manager.")),
  ),
  "systemd-credential": v.optional(
    v.pipe(
      table({
        name: v.pipe(
          credentialName,
          v.description("Name of the credential."),
          v.examples(["s3-cache-creds"]),
        ),
      }),
      v.description("A credential that systemd passes to the service."),
    ),
  ),
  "instance-metadata": v.optional(
    v.pipe(instanceMetadata, v.description("The identity of the cloud machine that the server runs on.")),
  ),
  none: v.optional(v.pipe(table({}), v.description("Explicitly no credentials."))),
};
