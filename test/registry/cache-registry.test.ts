import {
  type AuditEvent,
  type AuditSink,
  CacheRegistry,
  CommandError,
  type CredentialProvider,
  createLineSink,
  defineCredentialSource,
  type Executor,
  formatAuditEvent,
  type PushRequest,
  type PushResult,
  Secret,
} from "@eka-ci/caches";
import {
  collectEvents,
  createFakeClock,
  createRecordingExecutor,
  createStaticProvider,
  createTestRuntime,
  type RecordingExecutorOptions,
} from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";

const TOML = `
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

const PATH = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";
const OTHER = "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-other";
const ENV = {
  DEV_TOKEN: "dev-token-canary",
  AWS_ACCESS_KEY_ID: "AKIACANARY",
  AWS_SECRET_ACCESS_KEY: "aws-canary",
};

const REQUEST: PushRequest = {
  repository: "myorg/myrepo",
  ref: { type: "branch", name: "main" },
  job: "my-package",
  caches: ["dev", "prod-cache"],
  storePaths: [PATH],
  drvPath: "/nix/store/abc-foo.drv",
};

function setUp(
  options: {
    respond?: RecordingExecutorOptions["respond"];
    env?: Record<string, string>;
    toml?: string;
    sinks?: AuditSink[];
  } = {},
) {
  const executor = createRecordingExecutor({ respond: options.respond });
  const clock = createFakeClock();
  const warnings: string[] = [];
  const runtime = createTestRuntime({ env: options.env ?? ENV, clock, warn: (text) => warnings.push(text) });
  const registry = CacheRegistry.fromToml(options.toml ?? TOML, {
    executor,
    runtime,
    auditSinks: options.sinks,
    // What a cache is asked after a push is tested in a file of its own.
    verify: "never",
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

const statuses = (results: readonly PushResult[]) => results.map(({ cacheId, status }) => [cacheId, status]);
const codeOf = (result: PushResult | undefined) =>
  result?.status === "failed" ? result.error.code : undefined;

describe("push", () => {
  it("pushes to every cache that allows it, and reports each once in the order of the request", async () => {
    const { registry, executor } = setUp();
    const report = await registry.push({ ...REQUEST, caches: ["prod-cache", "dev", "prod-cache", "dev"] });
    expect(report.ok).toBe(true);
    expect(statuses(report.results)).toEqual([
      ["prod-cache", "pushed"],
      ["dev", "pushed"],
    ]);
    expect(report.results[0]).toMatchObject({
      storePaths: [PATH],
      decision: { effect: "allow" },
      executions: [{ exitCode: 0 }],
    });
    expect(executor.commands.map(({ file }) => file).sort()).toEqual(["cachix", "nix", "nix-store"]);
  });

  it("denies where policy says so, and reads and runs nothing there", async () => {
    const { registry, executor } = setUp({ env: { DEV_TOKEN: "x-token" } });
    const report = await registry.push({
      ...REQUEST,
      ref: { type: "branch", name: "develop" },
      caches: ["prod-cache", "nope", "dev"],
    });
    expect(report.ok).toBe(false);
    expect(report.results).toMatchObject([
      { status: "denied", cacheId: "prod-cache", decision: { reason: "branch-not-allowed" } },
      { status: "denied", cacheId: "nope", decision: { reason: "unknown-cache" } },
      { status: "pushed", cacheId: "dev" },
    ]);
    expect(executor.commands.map(({ file }) => file)).toEqual(["nix-store", "cachix"]);
  });

  it("denies what cannot even be copied", async () => {
    const { registry } = setUp();
    const ref = { type: "branch", name: () => "main" } as unknown as NonNullable<PushRequest["ref"]>;
    const report = await registry.push({ ...REQUEST, ref, caches: ["dev"] });
    expect(report.results).toMatchObject([{ status: "denied", decision: { reason: "invalid-request" } }]);
  });

  it("runs nothing at all where every cache denies", async () => {
    const { registry, executor, events } = setUp();
    await registry.push({ ...REQUEST, repository: "stranger/repo", caches: ["prod-cache"] });
    expect(executor.commands).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(["permission.decided"]);
  });

  it("lets no cache's failure stop another", async () => {
    const { registry } = setUp({
      respond: ({ file }) => (file === "nix" ? { exitCode: 1, stderr: "error: boom\n" } : {}),
    });
    const report = await registry.push(REQUEST);
    expect(statuses(report.results)).toEqual([
      ["dev", "pushed"],
      ["prod-cache", "failed"],
    ]);
    const [, failed] = report.results;
    expect(failed).toMatchObject({
      error: { name: "PushError", code: "ERR_PUSH_FAILED" },
      storePaths: [],
      executions: [{ exitCode: 1 }],
    });
    expect(failed?.status === "failed" && failed.error.message).toBe("nix exited with code 1: error: boom");
  });

  it("fails with the guide's words where a credential is not set", async () => {
    const { registry, executor } = setUp({ env: { DEV_TOKEN: "x-token" } });
    const [result] = (await registry.push({ ...REQUEST, caches: ["prod-cache"] })).results;
    expect(result).toMatchObject({
      status: "failed",
      error: { name: "CredentialError", code: "ERR_CREDENTIAL_NOT_CONFIGURED" },
    });
    expect(executor.commands).toEqual([]);
  });

  it.each<[name: string, storePaths: string[]]>([
    ["a text that is none", [PATH, "--help"]],
    ["a derivation", ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello.drv"]],
    ["nothing", []],
  ])("fails for %s in place of store paths, and runs nothing", async (_name, storePaths) => {
    const { registry, executor } = setUp();
    const report = await registry.push({ ...REQUEST, storePaths });
    expect(report.results.map(codeOf)).toEqual(["ERR_STORE_PATH_INVALID", "ERR_STORE_PATH_INVALID"]);
    expect(report.results[0]?.status === "failed" && report.results[0].error).toBeInstanceOf(CommandError);
    expect(executor.commands).toEqual([]);
  });

  it("fails for a path that the store does not hold, before any push tool runs", async () => {
    const { registry, executor } = setUp({
      respond: ({ file }) => (file === "nix-store" ? { stdout: `${OTHER}\n` } : {}),
    });
    const report = await registry.push({ ...REQUEST, storePaths: [PATH, OTHER] });
    expect(report.results.map(codeOf)).toEqual(["ERR_STORE_PATH_NOT_VALID", "ERR_STORE_PATH_NOT_VALID"]);
    expect(report.results[0]?.status === "failed" && report.results[0].error.message).toContain(OTHER);
    expect(executor.commands.map(({ file }) => file)).toEqual(["nix-store"]);
  });

  it("fails where the store does not answer", async () => {
    const { registry } = setUp({
      respond: ({ file }) => (file === "nix-store" ? { exitCode: 1, stderr: "error: store\n" } : {}),
    });
    const report = await registry.push(REQUEST);
    expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_FAILED", "ERR_PUSH_FAILED"]);
  });

  it.each<[name: string, result: object, code: string]>([
    [
      "cachix skips a path and exits 0",
      { stderr: "Warning: x is not valid, skipping\nAll done.\n" },
      "ERR_PUSH_FAILED",
    ],
    [
      "an executor says succeeded with another exit code",
      { outcome: "succeeded", exitCode: 2 },
      "ERR_PUSH_FAILED",
    ],
    [
      "an executor says succeeded without an exit code",
      { outcome: "succeeded", exitCode: null },
      "ERR_PUSH_FAILED",
    ],
    [
      "an executor says succeeded after a signal",
      { outcome: "succeeded", exitCode: 0, signal: "SIGTERM" },
      "ERR_PUSH_FAILED",
    ],
    ["an executor says what nobody knows", { outcome: "error" as never, exitCode: 1 }, "ERR_PUSH_FAILED"],
    ["it was killed", { outcome: "failed", exitCode: null, signal: "SIGKILL" }, "ERR_PUSH_FAILED"],
    ["it timed out", { outcome: "timed-out", exitCode: 0 }, "ERR_PUSH_TIMEOUT"],
  ])("reports no success that did not happen: %s", async (_name, result, code) => {
    const { registry } = setUp({ respond: ({ file }) => (file === "cachix" ? result : {}) });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report.results.map(codeOf)).toEqual([code]);
    expect(report.ok).toBe(false);
  });

  it("sees that cachix skipped a path though the executor does not stream", async () => {
    const executor: Executor = {
      execute: async ({ file }) => ({
        outcome: "succeeded",
        exitCode: 0,
        signal: null,
        durationMs: 1,
        stdout: "",
        stderr: file === "cachix" ? "x is not valid, skipping" : "",
        truncated: false,
      }),
    };
    const registry = CacheRegistry.fromToml(TOML, { executor, runtime: createTestRuntime({ env: ENV }) });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).results.map(codeOf)).toEqual([
      "ERR_PUSH_FAILED",
    ]);
  });

  it.each([`${PATH}\r\n`, "something else\n", ` ${PATH}`])(
    "takes whatever nix-store prints (%j) for a path that is missing",
    async (stdout) => {
      const { registry } = setUp({ respond: ({ file }) => (file === "nix-store" ? { stdout } : {}) });
      const report = await registry.push({ ...REQUEST, caches: ["dev"] });
      expect(report.results.map(codeOf)).toEqual(["ERR_STORE_PATH_NOT_VALID"]);
    },
  );

  it("gives all questions to the store one deadline", async () => {
    const storePaths = Array.from(
      { length: 2_000 },
      (_path, index) => `/nix/store/${"0".repeat(32)}-p${index}`,
    );
    const { registry, clock } = setUp({
      respond: () => {
        clock.advance(200_000);
        return {};
      },
    });
    const report = await registry.push({ ...REQUEST, caches: ["dev"], storePaths });
    expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_TIMEOUT"]);
    expect(clock.monotonic()).toBeLessThanOrEqual(400_000);
  });

  it("pushes what it recorded, whatever the caller and its listeners do meanwhile", async () => {
    const storePaths = [PATH];
    const caches = ["dev"];
    const written: AuditEvent[] = [];
    const sink: AuditSink = {
      write: async (event) => {
        storePaths[0] = OTHER;
        caches.push("prod-cache");
        written.push(event);
      },
    };
    const { registry, executor } = setUp({ sinks: [sink] });
    registry.subscribe((event) => {
      if ("storePaths" in event) (event.storePaths as string[]).push(OTHER);
      (event as { repository: string }).repository = "forged/repo";
    });
    const report = await registry.push({ ...REQUEST, caches, storePaths });
    expect(report.results).toMatchObject([{ cacheId: "dev", status: "pushed", storePaths: [PATH] }]);
    expect(executor.commands.at(-1)?.args).toEqual(["push", "--", "dev-cache", PATH]);
    expect(new Set(written.map(({ repository }) => repository))).toEqual(new Set(["myorg/myrepo"]));
  });

  it.each([
    "error: AccessDenied",
    "error: AWS error fetching 'nix-cache-info': Access Denied",
    "error: AWS error uploading: The AWS Access Key Id you provided does not exist in our records.",
    "error: AWS error uploading: The provided token has expired.",
    'statusCode = 401, statusMessage = "Unauthorized"',
    "Error: Unauthorized",
    "error: HTTP error 403",
    "error: HTTP error 401",
    "ExpiredToken: the token is over",
    "Error: 401 Unauthorized",
    "HTTP 403 Forbidden",
  ])("fetches credentials anew and tries once more after %j", async (stderr) => {
    let runs = 0;
    const { registry, executor, events } = setUp({
      respond: ({ file }) => (file === "cachix" && ++runs === 1 ? { exitCode: 1, stderr } : {}),
    });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report.results).toMatchObject([
      { status: "pushed", executions: [{ exitCode: 1 }, { exitCode: 0 }] },
    ]);
    expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "credentials.resolved")).toHaveLength(2);
  });

  it("tries no third time, and none after another failure", async () => {
    for (const [stderr, runs] of [
      ["HTTP error 403", 2],
      ["HTTP error 500", 1],
      ["error: disk full", 1],
    ] as const) {
      const { registry, executor } = setUp({
        respond: ({ file }) => (file === "cachix" ? { exitCode: 1, stderr } : {}),
      });
      const report = await registry.push({ ...REQUEST, caches: ["dev"] });
      expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_FAILED"]);
      expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(runs);
    }
  });

  it("does not start with credentials that end before it could, where the source gives longer ones", async () => {
    const clock = createFakeClock();
    const fetch = vi.fn<CredentialProvider>(async () => ({
      env: new Map([["CACHIX_AUTH_TOKEN", new Secret("token")]]),
      expiration: new Date(clock.now() + 600_000),
    }));
    const source = defineCredentialSource({
      type: "custom:keyring",
      schema: v.strictObject({}),
      create: () => fetch,
    });
    const toml = TOML.replace('{ cachix-token = { env_var = "DEV_TOKEN" } }', '{ "custom:keyring" = {} }');
    const options = {
      executor: createRecordingExecutor(),
      runtime: createTestRuntime({ clock }),
      credentialSources: [source],
    };
    const registry = CacheRegistry.fromToml(toml, options);
    await registry.push({ ...REQUEST, caches: ["dev"] });
    clock.advance(360_000);
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: 60_000 });
    expect(fetch).toHaveBeenCalledTimes(1);
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("pushes to many caches at once without a warning of Node's", async () => {
    const one = (id: number) =>
      `[[caches]]\nid = "c${id}"\ncache_type = "cachix"\ndestination = "c${id}"\ncredentials = { cachix-token = { env_var = "DEV_TOKEN" } }\npermissions = { allow_all = true }\n`;
    const toml = Array.from({ length: 30 }, (_cache, id) => one(id)).join("");
    const warned = vi.fn();
    process.on("warning", warned);
    const { registry } = setUp({ toml });
    const report = await registry.push({ ...REQUEST, caches: registry.config.caches.map(({ id }) => id) });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect(report.ok).toBe(true);
    expect(warned).not.toHaveBeenCalled();
  });

  it("sees that cachix skipped a path though a callback of the host throws", async () => {
    const { registry, warnings } = setUp({
      respond: ({ file }) => (file === "cachix" ? { stdout: "x", stderr: "y, skipping" } : {}),
    });
    const report = await registry.push(
      { ...REQUEST, caches: ["dev"] },
      {
        onOutput: () => {
          throw new Error("broken");
        },
      },
    );
    expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_FAILED"]);
    expect(warnings).toHaveLength(1);
  });

  it("hands the output on with the id of its cache", async () => {
    const { registry } = setUp({ respond: ({ file }) => (file === "nix" ? { stderr: "copying\n" } : {}) });
    const onOutput = vi.fn();
    await registry.push(REQUEST, { onOutput });
    expect(onOutput.mock.calls).toEqual([[{ cacheId: "prod-cache", stream: "stderr", text: "copying\n" }]]);
  });

  it("says an executor's rejection, and of a foreign one its name only", async () => {
    const missing = new CommandError("ERR_COMMAND_NOT_FOUND", "cachix is not on the PATH");
    const foreign = new TypeError("canary-4f1d9c");
    const { registry } = setUp({
      respond: ({ file }) => (file === "cachix" ? missing : file === "nix" ? foreign : {}),
    });
    const [dev, prod] = (await registry.push(REQUEST)).results;
    expect(dev?.status === "failed" && dev.error).toBe(missing);
    expect(codeOf(prod)).toBe("ERR_PUSH_FAILED");
    expect(JSON.stringify(prod)).not.toContain("canary-4f1d9c");
  });

  it("pushes many paths in batches, and tells which are there when one fails", async () => {
    const storePaths = Array.from(
      { length: 900 },
      (_path, index) => `/nix/store/${"0".repeat(32)}-p${index}`,
    );
    let batch = 0;
    const { registry, executor } = setUp({
      respond: ({ file }) => (file === "cachix" && ++batch === 2 ? { exitCode: 1 } : {}),
    });
    const [result] = (await registry.push({ ...REQUEST, caches: ["dev"], storePaths })).results;
    expect(result).toMatchObject({ status: "failed", executions: [{ exitCode: 0 }, { exitCode: 1 }] });
    expect(result?.status === "failed" && result.storePaths).toEqual(storePaths.slice(0, 400));
    expect(executor.commands.filter(({ file }) => file === "nix-store")).toHaveLength(3);
  });

  it("gives all commands of a cache one deadline", async () => {
    const storePaths = Array.from(
      { length: 900 },
      (_path, index) => `/nix/store/${"0".repeat(32)}-p${index}`,
    );
    const timeouts: (number | undefined)[] = [];
    const { registry, clock } = setUp({
      respond: ({ file }, { timeoutMs }) => {
        if (file !== "cachix") return {};
        timeouts.push(timeoutMs);
        clock.advance(200_000);
        return {};
      },
    });
    const report = await registry.push({ ...REQUEST, caches: ["dev"], storePaths });
    expect(timeouts).toEqual([300_000, 100_000]);
    expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_TIMEOUT"]);
  });

  it("never exceeds the server's timeout", async () => {
    const seen: (number | undefined)[] = [];
    const { registry } = setUp({
      respond: ({ file }, { timeoutMs }) => {
        if (file === "cachix") seen.push(timeoutMs);
        return {};
      },
    });
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: 999_999_999 });
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: 5_000 });
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: Number.NaN });
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: -1 });
    expect(seen).toEqual([300_000, 5_000, 300_000, 1]);
  });
});

describe("abort and disposal", () => {
  it("before the push runs nothing", async () => {
    const { registry, executor } = setUp();
    const report = await registry.push(
      { ...REQUEST, caches: ["dev", "nope"] },
      { signal: AbortSignal.abort() },
    );
    expect(statuses(report.results)).toEqual([
      ["dev", "aborted"],
      ["nope", "denied"],
    ]);
    expect(executor.commands).toEqual([]);
  });

  it("during the push reports what is not done as aborted", async () => {
    const controller = new AbortController();
    const { registry, events } = setUp({
      respond: ({ file }) => {
        if (file === "nix-store") controller.abort();
        return {};
      },
    });
    const report = await registry.push(REQUEST, { signal: controller.signal });
    expect(statuses(report.results)).toEqual([
      ["dev", "aborted"],
      ["prod-cache", "aborted"],
    ]);
    expect(events.filter(({ type }) => type === "push.finished")).toMatchObject([
      { status: "aborted" },
      { status: "aborted" },
    ]);
  });

  it("does not wait for a sink that hangs", async () => {
    const controller = new AbortController();
    const { registry, executor } = setUp({ sinks: [{ write: () => new Promise(() => {}) }] });
    const push = registry.push({ ...REQUEST, caches: ["dev", "nope"] }, { signal: controller.signal });
    controller.abort();
    expect(statuses((await push).results)).toEqual([
      ["dev", "aborted"],
      ["nope", "denied"],
    ]);
    expect(executor.commands).toEqual([]);
  });

  it("by a sink, while it takes an event, ends the push", async () => {
    const controller = new AbortController();
    const write = () => {
      controller.abort();
      return new Promise<void>(() => {});
    };
    const { registry } = setUp({ sinks: [{ write }] });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] }, { signal: controller.signal });
    expect(statuses(report.results)).toEqual([["dev", "aborted"]]);
  });

  it("of the registry ends its pushes, and refuses new ones", async () => {
    const { registry } = setUp();
    const push = registry.push(REQUEST);
    await registry[Symbol.asyncDispose]();
    expect((await push).results.every(({ status }) => status === "aborted")).toBe(true);
    await expect(registry.push(REQUEST)).rejects.toMatchObject({ code: "ERR_REGISTRY_CLOSED" });
  });
});

describe("audit", () => {
  it("records every step, the intent before anything is read or run", async () => {
    const order: string[] = [];
    const sink: AuditSink = { write: (event) => void order.push(event.type) };
    const respond: RecordingExecutorOptions["respond"] = ({ file }) => {
      order.push(file);
      return {};
    };
    const { registry } = setUp({ sinks: [sink], respond });
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(order).toEqual([
      "permission.decided",
      "push.dispatched",
      "push.started",
      "credentials.resolved",
      "nix-store",
      "cachix",
      "push.finished",
    ]);
  });

  it("writes the lines of the guide, word for word", async () => {
    const { registry, lines } = setUp();
    await registry.push({ ...REQUEST, caches: ["dev"] });
    await registry.push({
      ...REQUEST,
      ref: { type: "branch", name: "develop" },
      caches: ["prod-cache", "nonexistent-cache"],
    });
    expect(lines()).toContain("[INFO] Sent hook task for drv /nix/store/abc-foo.drv (job: my-package)");
    expect(lines()).toContain(
      "[WARN] Permission denied for cache 'prod-cache' in myorg/myrepo: Branch develop is not allowed",
    );
    expect(lines()).toContain("[WARN] Cache ID 'nonexistent-cache' not found in server registry, skipping");
  });

  it("writes the guide's line for a credential that is not set, and for a timeout", async () => {
    const unset = setUp({ env: { AWS_SECRET_ACCESS_KEY: "x" } });
    await unset.registry.push({ ...REQUEST, caches: ["prod-cache"] });
    expect(unset.lines().at(-1)).toBe(
      "[ERROR] Failed to execute hook: Environment variable AWS_ACCESS_KEY_ID not set",
    );
    const slow = setUp({ respond: ({ file }) => (file === "cachix" ? { outcome: "timed-out" } : {}) });
    await slow.registry.push({ ...REQUEST, caches: ["dev"] });
    expect(slow.lines().at(-1)).toBe("[WARN] Hook execution timed out after 300 seconds");
  });

  it("lets no name forge a line", async () => {
    const { registry, lines } = setUp();
    const evil = "x\n[INFO] forged \u001b[31m\u202e\u2028";
    await registry.push({
      ...REQUEST,
      repository: evil,
      job: evil,
      drvPath: evil,
      ref: { type: "branch", name: evil },
      caches: ["dev", evil],
    });
    for (const line of lines()) expect(line).toMatch(/^\[(?:INFO|WARN|ERROR)\] [\x20-\x7e]+$/u);
  });

  it.each<[name: string, sink: AuditSink]>([
    [
      "throws",
      {
        write: () => {
          throw new Error("disk full");
        },
      },
    ],
    ["rejects", { write: () => Promise.reject(new Error("disk full")) }],
  ])("that %s lets no child start", async (_name, sink) => {
    const { registry, executor } = setUp({ sinks: [{ write: () => {} }, sink] });
    const report = await registry.push(REQUEST);
    expect(report.results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it("that hangs lets no child start", async () => {
    const { registry, executor, clock } = setUp({ sinks: [{ write: () => new Promise(() => {}) }] });
    const push = registry.push(REQUEST);
    for (let round = 0; round < 20; round++) await Promise.resolve();
    clock.advance(10_000);
    expect((await push).results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it.each<AuditEvent["type"]>([
    "permission.decided",
    "push.dispatched",
    "push.started",
    "credentials.resolved",
  ])("that fails at %s lets no child start", async (type) => {
    const sink: AuditSink = {
      write: (event) => {
        if (event.type === type) throw new Error("disk full");
      },
    };
    const { registry, executor } = setUp({ sinks: [sink] });
    const report = await registry.push(REQUEST);
    expect(report.results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it("that fails at the end does not deny what happened, and is told", async () => {
    const sink: AuditSink = {
      write: (event) => {
        if (event.type === "push.finished") throw new Error("disk full");
      },
    };
    const { registry } = setUp({ sinks: [sink] });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report).toMatchObject({
      ok: false,
      results: [{ status: "pushed", auditError: { code: "ERR_AUDIT_FAILED" } }],
    });
  });

  it("that fails where every cache denies is told in the report", async () => {
    const { registry } = setUp({ sinks: [{ write: () => Promise.reject(new Error("disk full")) }] });
    const report = await registry.push({ ...REQUEST, caches: ["nope"] });
    expect(report.results).toMatchObject([{ status: "denied", auditError: { code: "ERR_AUDIT_FAILED" } }]);
  });

  it("is not disturbed by a listener that is asynchronous and rejects", async () => {
    const { registry, warnings } = setUp();
    registry.subscribe(async () => {
      throw new Error("broken");
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings.length).toBeGreaterThan(0);
  });

  it("is not disturbed by a listener that throws", async () => {
    const { registry, warnings } = setUp();
    const unsubscribe = registry.subscribe(() => {
      throw new Error("broken");
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    expect(warnings.length).toBeGreaterThan(0);
    unsubscribe();
    warnings.length = 0;
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(warnings).toEqual([]);
  });

  it("gives no events where the server switched it off", async () => {
    const write = vi.fn();
    const { registry, events } = setUp({
      toml: TOML.replace("[security]", "[security]\naudit_hooks = false"),
      sinks: [{ write }],
    });
    await registry.push(REQUEST);
    expect(events).toEqual([]);
    expect(write).not.toHaveBeenCalled();
  });

  it("writes JSON lines that parse back to the event, in ASCII", async () => {
    const written: string[] = [];
    const { registry, events } = setUp({
      sinks: [createLineSink({ format: "json", write: (line) => void written.push(line) })],
    });
    await registry.push({ ...REQUEST, caches: ["dev"], job: "jöb\u2028\u{1f600}" });
    expect(written).toHaveLength(events.length);
    for (const [index, line] of written.entries()) {
      expect(line).toMatch(/^[\x20-\x7e]+\n$/u);
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(events[index])));
    }
  });
});

describe("authorize and plan", () => {
  it("decide without touching anything", () => {
    const { registry, executor, events } = setUp({ env: {} });
    expect(registry.authorize("prod-cache", REQUEST)).toMatchObject({ effect: "allow" });
    expect(registry.authorize("nope", REQUEST)).toMatchObject({ effect: "deny", reason: "unknown-cache" });
    expect(registry.authorize("__proto__", REQUEST)).toMatchObject({
      effect: "deny",
      reason: "unknown-cache",
    });
    expect(executor.commands).toEqual([]);
    expect(events).toEqual([]);
  });

  it("preview the commands, with secrets redacted", () => {
    const { registry } = setUp();
    const { entries } = registry.plan({ ...REQUEST, caches: ["dev", "prod-cache", "nope", "dev"] });
    expect(entries.map(({ cacheId, decision }) => [cacheId, decision.effect])).toEqual([
      ["dev", "allow"],
      ["prod-cache", "allow"],
      ["nope", "deny"],
    ]);
    expect(entries[0]?.commands).toEqual([expect.stringContaining(`cachix push -- dev-cache ${PATH}`)]);
    expect(entries[1]?.commands).toEqual([expect.stringContaining("AWS_SECRET_ACCESS_KEY=[redacted]")]);
    expect(entries[2]?.commands).toEqual([]);
    expect(JSON.stringify(entries)).not.toContain("canary");
  });

  it("say why no command can be built", () => {
    const { registry } = setUp();
    const [entry] = registry.plan({ ...REQUEST, caches: ["dev"], storePaths: ["nope"] }).entries;
    expect(entry).toMatchObject({
      decision: { effect: "allow" },
      commands: [],
      error: { code: "ERR_STORE_PATH_INVALID" },
    });
  });
});

describe("check", () => {
  it("finds tools and credentials, and shows no secret", async () => {
    const { registry } = setUp({ respond: ({ file }) => ({ stdout: `${file} 1.0\nmore\n` }) });
    const report = await registry.check();
    expect(report.ok).toBe(true);
    expect(report.tools).toEqual([
      { tool: "nix-store", ok: true, version: "nix-store 1.0" },
      { tool: "cachix", ok: true, version: "cachix 1.0" },
      { tool: "nix", ok: true, version: "nix 1.0" },
    ]);
    expect(report.caches).toMatchObject([
      { cacheId: "dev", ok: true, sourceType: "cachix-token", names: ["CACHIX_AUTH_TOKEN"] },
      {
        cacheId: "prod-cache",
        ok: true,
        sourceType: "env",
        names: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
      },
    ]);
    expect(JSON.stringify(report)).not.toContain("canary");
  });

  it("says what is missing", async () => {
    const missing = new CommandError("ERR_COMMAND_NOT_FOUND", "cachix is not on the PATH");
    const { registry } = setUp({
      env: { DEV_TOKEN: "x-token" },
      respond: ({ file }) => (file === "cachix" ? missing : { exitCode: 1 }),
    });
    const report = await registry.check({ caches: ["dev", "prod-cache"] });
    expect(report.ok).toBe(false);
    expect(report.tools.map(({ tool, ok, error }) => [tool, ok, error?.code])).toEqual([
      ["nix-store", false, "ERR_PUSH_FAILED"],
      ["cachix", false, "ERR_COMMAND_NOT_FOUND"],
      ["nix", false, "ERR_PUSH_FAILED"],
    ]);
    expect(report.caches.map(({ cacheId, ok, error }) => [cacheId, ok, error?.code])).toEqual([
      ["dev", true, undefined],
      ["prod-cache", false, "ERR_CREDENTIAL_NOT_CONFIGURED"],
    ]);
  });

  it("is not content with an id that no cache has", async () => {
    const { registry } = setUp();
    expect(await registry.check({ caches: ["typo"] })).toMatchObject({
      ok: false,
      caches: [{ cacheId: "typo", ok: false }],
    });
  });

  it("tells credentials that a tool would ignore", async () => {
    const toml = TOML.replace(
      '{ cachix-token = { env_var = "DEV_TOKEN" } }',
      '{ env = { vars = ["DEV_TOKEN"] } }',
    );
    const { registry } = setUp({ toml });
    const { caches } = await registry.check({ caches: ["dev"] });
    expect(caches).toMatchObject([
      { ok: false, names: ["DEV_TOKEN"], error: { code: "ERR_COMMAND_CREDENTIALS" } },
    ]);
  });
});

describe("construction", () => {
  const custom = (provider: CredentialProvider) =>
    defineCredentialSource({ type: "custom:keyring", schema: v.strictObject({}), create: () => provider });
  const toml = TOML.replace('{ cachix-token = { env_var = "DEV_TOKEN" } }', '{ "custom:keyring" = {} }');

  it("uses sources of the host's own", async () => {
    const executor = createRecordingExecutor();
    const registry = CacheRegistry.fromToml(toml, {
      executor,
      runtime: createTestRuntime(),
      credentialSources: [custom(createStaticProvider({ CACHIX_AUTH_TOKEN: "from-keyring" }))],
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    const token = executor.commands.find(({ file }) => file === "cachix")?.env.get("CACHIX_AUTH_TOKEN");
    expect(token instanceof Secret && token.expose()).toBe("from-keyring");
  });

  it("refuses a source that nobody defined, and an id that stands twice", () => {
    expect(() => CacheRegistry.fromToml(toml)).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID" }),
    );
    const { config } = setUp().registry;
    const doubled = { ...config, caches: [...config.caches, ...config.caches] };
    expect(() => new CacheRegistry(doubled)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
  });

  it("hands out the warnings of a text", () => {
    const seen: string[] = [];
    const toml = TOML.replace("permissions = { allow_all = true }", "");
    CacheRegistry.fromToml(toml, {
      runtime: createTestRuntime(),
      onDiagnostic: ({ code }) => seen.push(code),
    });
    expect(seen).toEqual(["unrestricted-permissions"]);
  });

  it("loads the file of the server", async () => {
    const runtime = createTestRuntime({ env: { EKA_CI_CONFIG_FILE: "/x.toml" }, files: { "/x.toml": TOML } });
    const seen: string[] = [];
    await using registry = await CacheRegistry.load(undefined, {
      runtime,
      onDiagnostic: ({ code }) => seen.push(code),
    });
    expect(registry.config.caches.map(({ id }) => id)).toEqual(["dev", "prod-cache"]);
    expect(seen).toEqual([]);
  });
});
