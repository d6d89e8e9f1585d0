import "./load-late-modules.ts";
import {
  type AuditSink,
  CacheRegistry,
  formatAuditEvent,
  type PushRequest,
  type PushResult,
} from "@eka-ci/caches";
import {
  collectEvents,
  createFakeClock,
  createRecordingExecutor,
  createTestRuntime,
  type FakeClock,
  type RecordingExecutorOptions,
} from "@eka-ci/caches/testing";

export const TOML = `
[security]
max_hook_timeout_seconds = 300

[[caches]]
id = "dev"
cache_type = "cachix"
destination = "dev-cache"
credentials = { cachix-token = { env_var = "DEV_TOKEN" } }
permissions = { allow_all = true }

[[caches]]
id = "prod-cache"
cache_type = "nix-copy"
destination = "s3://prod/nix?region=us-east-1"
credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }
[caches.permissions]
allow_all = false
allowed_repos = ["myorg/*"]
allowed_branches = ["main"]
`;

export const PATH = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";
export const OTHER = "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-other";
export const ENV = {
  DEV_TOKEN: "dev-token-canary",
  AWS_ACCESS_KEY_ID: "AKIACANARY",
  AWS_SECRET_ACCESS_KEY: "aws-canary",
};

export const REQUEST: PushRequest = {
  repository: "myorg/myrepo",
  ref: { type: "branch", name: "main" },
  job: "my-package",
  caches: ["dev", "prod-cache"],
  storePaths: [PATH],
  drvPath: "/nix/store/abc-foo.drv",
};

export function setUp(
  options: {
    respond?: RecordingExecutorOptions["respond"];
    env?: Record<string, string>;
    toml?: string | undefined;
    sinks?: AuditSink[] | undefined;
    verify?: "always" | "never" | undefined;
    clock?: FakeClock | undefined;
  } = {},
) {
  const executor = createRecordingExecutor({ respond: options.respond });
  const clock = options.clock ?? createFakeClock();
  const warnings: string[] = [];
  const runtime = createTestRuntime({ env: options.env ?? ENV, clock, warn: (text) => warnings.push(text) });
  const registry = CacheRegistry.fromToml(options.toml ?? TOML, {
    executor,
    runtime,
    auditSinks: options.sinks,
    // What a cache is asked after a push is tested in a file of its own.
    verify: options.verify ?? "never",
  });
  const { events } = collectEvents(registry);
  return {
    registry,
    executor,
    clock,
    warnings,
    events,
    lines: () => events.map((event) => formatAuditEvent(event)),
  };
}

export const statuses = (results: readonly PushResult[]) =>
  results.map(({ cacheId, status }) => [cacheId, status]);
export const codeOf = (result: PushResult | undefined) =>
  result?.status === "failed" ? result.error.code : undefined;
