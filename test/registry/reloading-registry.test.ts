import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReloadingRegistry, PushQueue, type RegistryReload } from "@eka-ci/caches";
import { createFakeClock, createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeCaches, requestFor, runUntil } from "../support/fake-cache.ts";

const cache = (id: string, permissions = "allow_all = true"): string => `
  [[caches]]
  id = "${id}"
  cache_type = "cachix"
  destination = "${id}"
  credentials = { cachix-token = { env_var = "TOKEN" } }
  permissions = { ${permissions} }`;

describe("a registry that follows its file", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-reload-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function setUp(name: string, text: string) {
    const path = join(directory, `${name}.toml`);
    await writeFile(path, text);
    const caches = new FakeCaches();
    const clock = createFakeClock();
    const { env, ...tested } = createTestRuntime({ clock, http: caches.http });
    const { files: _files, ...ports } = tested;
    const recording = createRecordingExecutor({ respond: caches.respond });
    const executor: typeof recording = {
      ...recording,
      execute: async (command, options) => {
        const result = await recording.execute(command, options);
        if (command.file === "cachix") await caches.gates.get(String(command.args[2]));
        return result;
      },
    };
    const reloads: RegistryReload[] = [];
    const reloading = await createReloadingRegistry(path, {
      ...{ executor, runtime: { ...ports, env: { ...env, TOKEN: "x" } } },
      onReload: (reload) => reloads.push(reload),
    });
    return { path, caches, clock, reloading, reloads, runtime: { ...ports } };
  }

  it("takes a new file over, tells what changed, and lets running pushes end", async () => {
    const { path, caches, reloading, reloads } = await setUp("a", cache("a") + cache("b"));
    const former = reloading.current;
    let open = (): void => undefined;
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const running = former.push(requestFor(["a"], 1));
    await writeFile(
      path,
      `[security]\naudit_hooks = false\n${cache("a", 'allow_all = false, allowed_repos = ["x/y"]')}${cache("c")}`,
    );
    const reload = await reloading.reload();
    expect(reload).toEqual({
      status: "reloaded",
      changes: { added: ["c"], removed: ["b"], changed: ["a"], isSecurityChanged: true },
    });
    expect(reloads).toEqual([reload]);
    expect(reloading.current).not.toBe(former);
    expect(reloading.current.authorize("a", requestFor(["a"], 1)).effect).toBe("deny");
    await expect(former.push(requestFor(["a"], 2))).rejects.toMatchObject({ code: "ERR_REGISTRY_CLOSED" });
    open();
    expect((await running).results).toMatchObject([{ status: "pushed" }]);
    await reloading[Symbol.asyncDispose]();
  });

  it("stays as it is for a file that does not load, and for one that says the same", async () => {
    const { path, reloading } = await setUp("b", cache("a") + cache("b"));
    const { current } = reloading;
    await writeFile(path, "[[caches]]\nid = ");
    expect(await reloading.reload()).toMatchObject({
      status: "failed",
      error: { code: "ERR_CONFIG_INVALID" },
    });
    await rm(path);
    expect(await reloading.reload()).toMatchObject({
      status: "failed",
      error: { code: "ERR_CONFIG_NOT_FOUND" },
    });
    await writeFile(path, `# another order\n${cache("b")}${cache("a")}`);
    expect(await reloading.reload()).toEqual({ status: "unchanged" });
    expect(reloading.current).toBe(current);
    expect(current.authorize("a", requestFor(["a"], 1)).effect).toBe("allow");
    await reloading[Symbol.asyncDispose]();
    await expect(current.push(requestFor(["a"], 1))).rejects.toMatchObject({ code: "ERR_REGISTRY_CLOSED" });
    expect(await reloading.reload()).toEqual({ status: "unchanged" });
  });

  it("reads once for each call, one after the other", async () => {
    const { path, reloading } = await setUp("c", cache("a"));
    await writeFile(path, cache("b"));
    const reloads = await Promise.all([reloading.reload(), reloading.reload()]);
    expect(reloads.map(({ status }) => status)).toEqual(["reloaded", "unchanged"]);
    await reloading[Symbol.asyncDispose]();
  });

  it("decides on what waits by the policy of the moment", async () => {
    const { path, caches, reloading, runtime, clock } = await setUp("d", cache("a"));
    const queue = new PushQueue(() => reloading.current, { runtime });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    await writeFile(path, cache("a", 'allow_all = false, allowed_repos = ["x/y"]'));
    await reloading.reload();
    const report = await runUntil(clock, ticket.done);
    expect(report.results).toMatchObject([{ status: "denied" }]);
    expect(caches.pushes).toEqual([]);
    await queue.close();
    await reloading[Symbol.asyncDispose]();
  });

  it("ends the pushes of former registries, too, when it is disposed", async () => {
    const { path, caches, reloading } = await setUp("e", cache("a"));
    let open = (): void => undefined;
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const running = reloading.current.push(requestFor(["a"], 1));
    await writeFile(path, cache("b"));
    await reloading.reload();
    const disposed = reloading[Symbol.asyncDispose]();
    open();
    expect((await running).results).toMatchObject([{ status: "aborted" }]);
    await disposed;
  });
});
