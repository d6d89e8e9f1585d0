import {
  type AuditEvent,
  type AuditSink,
  CacheRegistry,
  CommandError,
  type Executor,
  type PushRequest,
} from "@eka-ci/caches";
import { createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import { describe, expect, it, vi } from "vitest";
import { codeOf, ENV, OTHER, PATH, REQUEST, setUp, statuses, TOML } from "../support/set-up-registry.ts";

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

describe("the version of nix", () => {
  const s3 = (query: string): string => `
    [security]
    allow_private_cache_hosts = true
    [[caches]]
    id = "s3"
    cache_type = "nix-copy"
    destination = "s3://bucket?${query}"
    credentials = "none"`;

  async function commandsOf(query: string, version: string): Promise<readonly string[]> {
    const executor = createRecordingExecutor({
      respond: ({ args }) => (args[0] === "--version" ? { stdout: version } : undefined),
    });
    const registry = CacheRegistry.fromToml(s3(query), {
      executor,
      runtime: createTestRuntime(),
      verify: "never",
    });
    const request = { repository: "o/r", job: "j", caches: ["s3"], storePaths: [PATH] };
    for (let push = 0; push < 2; push++) expect((await registry.push(request)).ok).toBe(true);
    return executor.commands.map(({ file, args }) =>
      args.includes("copy") ? String(args[4]) : `${file} ${args[0]}`,
    );
  }

  it("is asked for by each push, and only where a command depends on it", async () => {
    expect(await commandsOf("region=eu-west-1", "nix (Nix) 2.34.8\n")).not.toContain("nix --version");
    const commands = await commandsOf("endpoint=minio:9000", "nix (Nix) 2.34.8\n");
    expect(commands.filter((command) => command === "nix --version")).toHaveLength(2);
    expect(commands).toContain("s3://bucket?endpoint=https://minio:9000");
  });

  it("that is old has the endpoint as it reads it, and one that is not told has it encrypted all the same", async () => {
    expect(await commandsOf("endpoint=minio:9000", "nix (Nix) 2.26.3\n")).toContain(
      "s3://bucket?endpoint=minio:9000&scheme=https",
    );
    expect(await commandsOf("endpoint=minio:9000", "hello")).toContain(
      "s3://bucket?endpoint=https://minio:9000",
    );
  });
});
