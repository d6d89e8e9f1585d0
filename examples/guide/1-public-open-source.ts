/**
 * A public project: any repository may push to its Cachix cache.
 * `npx tsx examples/guide/1-public-open-source.ts`
 */
import { createTestRuntime } from "@eka-ci/caches/testing";
import { runGuide } from "../support/run-guide.ts";

await runGuide({
  title: "A public open source project",
  serverToml: `
[security]
max_hook_timeout_seconds = 300
audit_hooks = true
[[caches]]
id = "public-cachix"
cache_type = "cachix"
destination = "my-oss-project"
credentials = { cachix-token = { env_var = "CACHIX_AUTH_TOKEN" } }
permissions = { allow_all = true }
`,
  repositoryJson: `{
  "jobs": {
    "stdenv": {
      "file": "default.nix",
      "caches": [
        "public-cachix"
      ]
    }
  }
}`,
  job: "stdenv",
  builds: [
    { repository: "me/my-oss-project", ref: { type: "branch", name: "main" } },
    { repository: "anybody/else", ref: { type: "tag", name: "v1.0" } },
  ],
  machine: createTestRuntime({ env: { CACHIX_AUTH_TOKEN: "only-for-this-example" } }),
});
