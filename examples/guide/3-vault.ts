/**
 * Production with HashiCorp Vault. Here it is a fake one that knows two secrets and checks the token and the
 * namespace. `npx tsx examples/guide/3-vault.ts`
 */

import type { HttpRequest } from "@eka-ci/caches";
import { createTestRuntime } from "@eka-ci/caches/testing";
import { createFakeNetwork, runGuide } from "../support/run-guide.ts";

const VAULT = "https://vault.company.internal:8200/v1";

function check({ headers }: HttpRequest): void {
  if (headers["X-Vault-Token"] !== "only-for-this-example") throw new Error("Vault got no token");
  if (headers["X-Vault-Namespace"] !== "production") throw new Error("Vault was asked in another namespace");
}

/** Vault's answers about a secret: its mount and its values. */
const answerSecret = (name: string) => ({
  [`GET ${VAULT}/sys/internal/ui/mounts/secret/data/eka-ci/${name}`]: (request: HttpRequest) => {
    check(request);
    return { data: { path: "secret/", type: "kv", options: { version: "2" } } };
  },
  [`GET ${VAULT}/secret/data/eka-ci/${name}`]: (request: HttpRequest) => {
    check(request);
    const data = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE000000001", AWS_SECRET_ACCESS_KEY: `secret-of-${name}` };
    return { data: { data, metadata: { version: 1 } } };
  },
});

await runGuide({
  title: "Production with HashiCorp Vault",
  serverToml: `
[security]
max_hook_timeout_seconds = 600
audit_hooks = true
[[caches]]
id = "prod-s3"
cache_type = "nix-copy"
destination = "s3://company-prod-cache/nix?region=us-east-1"
[caches.credentials]
vault = {
address = "https://vault.company.internal:8200",
secret_path = "secret/data/eka-ci/prod-s3",
namespace = "production"
}
[caches.permissions]
allow_all = false
allowed_repos = ["company/backend", "company/frontend"]
allowed_branches = ["main", "release/*"]
[[caches]]
id = "staging-s3"
cache_type = "nix-copy"
destination = "s3://company-staging-cache/nix?region=us-east-1"
[caches.credentials]
vault = {
address = "https://vault.company.internal:8200",
secret_path = "secret/data/eka-ci/staging-s3",
namespace = "production"
}
[caches.permissions]
allow_all = false
allowed_repos = ["company/*"]
allowed_branches = ["develop", "feature/*", "main"]
`,
  repositoryJson: `{
  "jobs": {
    "backend": {
      "file": "backend.nix",
      "caches": [
        "staging-s3",
        "prod-s3"
      ]
    }
  }
}`,
  job: "backend",
  builds: [
    { repository: "company/backend", ref: { type: "branch", name: "release/v1" } },
    { repository: "company/backend", ref: { type: "branch", name: "feature/login" } },
  ],
  machine: createTestRuntime({
    env: { VAULT_TOKEN: "only-for-this-example" },
    http: createFakeNetwork({
      ...answerSecret("staging-s3"),
      ...answerSecret("prod-s3"),
    }),
  }),
});
