/**
 * A company's repositories: every branch goes to the development cache, and only main and releases to
 * production. The keys come from profiles of the AWS files. `npx tsx examples/guide/2-private-company.ts`
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runGuide } from "../support/run-guide.ts";

const AWS_CREDENTIALS = `
[dev]
aws_access_key_id = AKIAEXAMPLEDEV000001
aws_secret_access_key = only-for-this-example-dev
[production]
aws_access_key_id = AKIAEXAMPLEPROD00001
aws_secret_access_key = only-for-this-example-production
`;

const directory = await mkdtemp(join(tmpdir(), "eka-ci-guide-"));
const env = {
  AWS_SHARED_CREDENTIALS_FILE: join(directory, "credentials"),
  AWS_CONFIG_FILE: join(directory, "config"),
};
await writeFile(env.AWS_SHARED_CREDENTIALS_FILE, AWS_CREDENTIALS, { mode: 0o600 });

await runGuide({
  title: "A private company repository",
  serverToml: `
[security]
max_hook_timeout_seconds = 600
audit_hooks = true
[[caches]]
id = "dev-cache"
cache_type = "nix-copy"
destination = "s3://company-dev-cache/nix?region=us-east-1"
credentials = { aws-profile = { profile = "dev" } }
permissions = { allow_all = false, allowed_repos = ["company/*"] }
[[caches]]
id = "prod-cache"
cache_type = "nix-copy"
destination = "s3://company-prod-cache/nix?region=us-east-1"
credentials = { aws-profile = { profile = "production" } }
[caches.permissions]
allow_all = false
allowed_repos = ["company/backend", "company/frontend"]
allowed_branches = ["main", "release/*"]
`,
  repositoryJson: `{
  "jobs": {
    "backend": {
      "file": "backend.nix",
      "caches": [
        "dev-cache",
        "prod-cache"
      ]
    }
  }
}`,
  job: "backend",
  builds: [
    { repository: "company/backend", ref: { type: "branch", name: "main" } },
    { repository: "company/backend", ref: { type: "branch", name: "develop" } },
    { repository: "stranger/backend", ref: { type: "branch", name: "main" } },
  ],
  machine: { env },
});
await rm(directory, { recursive: true });
