import * as v from "valibot";
import { table } from "./schema-table.ts";
import {
  absolutePath,
  environmentName,
  headerText,
  hostName,
  secretPath,
  text,
  webAddress,
} from "./text-schemas.ts";

const vaultMount = (example: string) =>
  v.optional(
    v.pipe(
      secretPath,
      v.description(`Where the method is mounted below auth/; default ${example}.`),
      v.examples([example]),
    ),
  );

const vaultRole = v.pipe(text, v.description("Name of the role."), v.examples(["eka-ci"]));

const vaultAuth = table({
  approle: v.optional(
    v.pipe(
      table({
        role_id: v.pipe(
          text,
          v.description("Id of the role, which is not a secret."),
          v.examples(["db02de05-fa39-4855-059b-67221c5c2f63"]),
        ),
        secret_id_env: v.optional(
          v.pipe(
            environmentName,
            v.description("Name of the variable that holds the secret ID; default VAULT_SECRET_ID."),
            v.examples(["VAULT_SECRET_ID"]),
          ),
        ),
        secret_id_file: v.optional(
          v.pipe(
            absolutePath,
            v.description("Absolute path of the file that holds the secret ID."),
            v.examples(["/run/eka-ci/secret-id"]),
          ),
        ),
        mount: vaultMount("approle"),
      }),
      v.description("By AppRole."),
    ),
  ),
  kubernetes: v.optional(
    v.pipe(
      table({
        role: vaultRole,
        token_file: v.optional(
          v.pipe(
            absolutePath,
            v.description(
              "Absolute path of the service account's token; default where Kubernetes mounts it.",
            ),
            v.examples(["/var/run/secrets/kubernetes.io/serviceaccount/token"]),
          ),
        ),
        mount: vaultMount("kubernetes"),
      }),
      v.description("By the service account of a pod."),
    ),
  ),
  jwt: v.optional(
    v.pipe(
      table({
        role: vaultRole,
        token_env: v.optional(
          v.pipe(
            environmentName,
            v.description("Name of the variable that holds the token; default VAULT_JWT."),
            v.examples(["VAULT_JWT"]),
          ),
        ),
        token_file: v.optional(
          v.pipe(
            absolutePath,
            v.description("Absolute path of the file that holds the token."),
            v.examples(["/run/eka-ci/jwt"]),
          ),
        ),
        mount: vaultMount("jwt"),
      }),
      v.description("By a token of another issuer."),
    ),
  ),
});

/** A secret in Vault. */
export const vaultEntry = table({
  address: v.pipe(
    webAddress,
    v.description("Address of the server."),
    v.examples(["https://vault.example.com:8200"]),
  ),
  secret_path: v.pipe(
    secretPath,
    v.description("Path of the secret; of a KV version 2 engine with its data segment."),
    v.examples(["secret/data/eka-ci/s3-cache"]),
  ),
  token_env: v.optional(
    v.pipe(
      environmentName,
      v.description("Name of the variable that holds the Vault token; default VAULT_TOKEN."),
      v.examples(["VAULT_TOKEN"]),
    ),
  ),
  token_file: v.optional(
    v.pipe(
      absolutePath,
      v.description("Absolute path of the file that holds the Vault token, as Vault Agent writes it."),
      v.examples(["/run/vault-agent/token"]),
    ),
  ),
  auth: v.optional(v.pipe(vaultAuth, v.description("How the server logs in, instead of a token."))),
  tls_server_name: v.optional(
    v.pipe(
      hostName,
      v.description("Name that the server's certificate must carry; default the host of the address."),
      v.examples(["vault.internal"]),
    ),
  ),
  namespace: v.optional(
    v.pipe(headerText, v.description("Namespace of Vault Enterprise."), v.examples(["prod"])),
  ),
});
