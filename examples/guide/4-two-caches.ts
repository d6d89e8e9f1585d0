/**
 * A fast internal cache (MinIO) and a public one (Cachix), for the same repositories.
 * `npx tsx examples/guide/4-two-caches.ts`
 */
import { createTestRuntime } from "@eka-ci/caches/testing";
import { runGuide } from "../support/run-guide.ts";

await runGuide({
  title: "A multi-cache strategy",
  serverToml: `
[[caches]]
id = "internal-s3"
cache_type = "nix-copy"
destination = "s3://internal-cache/nix?region=us-west-2&endpoint=https://minio.internal"
credentials = { env = { vars = ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"] } }
permissions = { allow_all = false, allowed_repos = ["myorg/*"] }
[[caches]]
id = "public-fallback"
cache_type = "cachix"
destination = "myorg-public"
credentials = { cachix-token = { env_var = "CACHIX_AUTH_TOKEN" } }
permissions = { allow_all = false, allowed_repos = ["myorg/*"] }
`,
  repositoryJson: `{
  "jobs": {
    "my-app": {
      "file": "default.nix",
      "caches": [
        "internal-s3",
        "public-fallback"
      ]
    }
  }
}`,
  job: "my-app",
  builds: [{ repository: "myorg/app", ref: { type: "branch", name: "main" } }],
  machine: createTestRuntime({
    env: {
      MINIO_ACCESS_KEY: "only-for-this-example",
      MINIO_SECRET_KEY: "only-for-this-example-secret",
      CACHIX_AUTH_TOKEN: "only-for-this-example-token",
    },
  }),
});
