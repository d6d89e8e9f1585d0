/**
 * An EC2 instance with an IAM role. Its metadata service is a fake one: it returns a session token (IMDSv2),
 * and the keys of the role only for that token. `npx tsx examples/guide/5-cloud-vm.ts`
 */

import type { HttpRequest } from "@eka-ci/caches";
import { createTestRuntime } from "@eka-ci/caches/testing";
import { createFakeNetwork, runGuide } from "../support/run-guide.ts";

const METADATA = "http://169.254.169.254/latest";

function withToken({ headers }: HttpRequest, answer: string | object): string | object {
  if (headers["x-aws-ec2-metadata-token"] !== "session-token")
    throw new Error("The service was asked without a token");
  return answer;
}

await runGuide({
  title: "A cloud VM with an IAM role",
  serverToml: `
[security]
max_hook_timeout_seconds = 300
audit_hooks = true
[[caches]]
id = "s3-cache"
cache_type = "nix-copy"
destination = "s3://my-cache/nix?region=us-east-1"
credentials = { instance-metadata = {} } # Uses EC2 IAM role
permissions = { allow_all = true }
`,
  repositoryJson: `{
  "jobs": {
    "my-app": {
      "file": "default.nix",
      "caches": [
        "s3-cache"
      ]
    }
  }
}`,
  job: "my-app",
  builds: [{ repository: "myorg/app", ref: { type: "branch", name: "main" } }],
  machine: createTestRuntime({
    http: createFakeNetwork({
      [`PUT ${METADATA}/api/token`]: () => "session-token",
      [`GET ${METADATA}/meta-data/instance-id`]: (request) => withToken(request, "i-0123456789abcdef0"),
      [`GET ${METADATA}/meta-data/iam/security-credentials/`]: (request) =>
        withToken(request, "cache-pusher"),
      [`GET ${METADATA}/meta-data/iam/security-credentials/cache-pusher`]: (request) =>
        withToken(request, {
          Code: "Success",
          AccessKeyId: "ASIAEXAMPLE000000001",
          SecretAccessKey: "only-for-this-example",
          Token: "only-for-this-example-session",
          Expiration: "2030-01-01T00:00:00Z",
        }),
    }),
  }),
});
