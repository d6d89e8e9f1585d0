import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CacheRegistry,
  type Clock,
  createGcRoots,
  createNodeRuntime,
  createProcessExecutor,
  type PushProgress,
  PushQueue,
  type PushQueueOptions,
} from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type BinaryCacheOptions,
  BinaryCacheServer,
  type SeenRequest,
} from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeWith, nodeWithSqlite } from "../support/requirement.ts";

const toCache = (id: string, url: string, more = ""): string => `
  [[caches]]
  id = "${id}"
  cache_type = "nix-copy"
  destination = "${url}"
  credentials = "none"
  permissions = { allow_all = true }
  ${more}`;
const toToml = (...caches: string[]): string =>
  `[security]\nallow_private_cache_hosts = true\nmax_hook_timeout_seconds = 120\n${caches.join("\n")}`;

/** A clock that runs so many times faster, so that tests need not sit delays out. */
const hurried = (factor: number): Clock => {
  const { clock } = createNodeRuntime();
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() * factor,
    schedule: (callback, delayMs) => clock.schedule(callback, delayMs / factor),
  };
};

describeWith("nix", "delivery to real servers", () => {
  let store: PrivateNixStore;
  beforeAll(async () => {
    store = await PrivateNixStore.create();
  });
  afterAll(() => store[Symbol.asyncDispose]());

  const open = (toml: string, options: PushQueueOptions = {}) => {
    const registry = CacheRegistry.fromToml(toml, { runtime: { env: store.env } });
    return new PushQueue(registry, options);
  };
  const enqueueAll = (queue: PushQueue, paths: readonly string[], caches: readonly string[]) =>
    Promise.all(
      paths.map((path) => queue.enqueue({ repository: "o/r", job: "j", caches, storePaths: [path] })),
    );
  const withServer = async (
    options: BinaryCacheOptions,
    run: (server: BinaryCacheServer) => Promise<void>,
  ) => {
    await using server = await BinaryCacheServer.start(options);
    await run(server);
  };

  it("brings 500 paths to two caches", async () => {
    await using first = await BinaryCacheServer.start();
    await using second = await BinaryCacheServer.start();
    const paths = await store.addMany("five-hundred", 500);
    await using queue = open(toToml(toCache("first", first.url), toCache("second", second.url)));
    const tickets = await enqueueAll(queue, paths, ["first", "second"]);
    const reports = await Promise.all(tickets.map(({ done }) => done));
    expect(reports.filter(({ ok }) => !ok)).toEqual([]);
    for (const server of [first, second])
      expect(paths.filter((path) => server.narinfo(path) === undefined)).toEqual([]);
    expect(queue.size).toBe(0);
  }, 120_000);

  it("loses nothing on a server that fails one request in five", () => {
    // Every fifth by chance: in a strict rhythm the same request of each attempt could fail for ever.
    let state = 1;
    const isUnlucky = (): boolean => {
      state = (state * 48_271) % 2_147_483_647;
      return state % 5 === 0;
    };
    return withServer({ fail: () => (isUnlucky() ? 500 : undefined) }, async (server) => {
      const paths = await store.addMany("flaky", 25);
      await using queue = open(toToml(toCache("flaky", server.url)), {
        runtime: { clock: hurried(1000) },
        maxAttempts: 30,
        deadlineMs: 1e10,
      });
      const tickets = await enqueueAll(queue, paths, ["flaky"]);
      const reports = await Promise.all(tickets.map(({ done }) => done));
      const lost = paths.filter(
        (path, index) => reports[index]?.ok === true && server.narinfo(path) === undefined,
      );
      expect(lost).toEqual([]);
      expect(reports.filter(({ ok }) => !ok)).toEqual([]);
    });
  }, 240_000);

  it("lets one poison path among 300 fail alone", async () => {
    const paths = await store.addMany("poison", 300);
    const poison = paths[137] ?? "";
    const isPoison = ({ method, path }: SeenRequest): boolean =>
      method === "PUT" && path.startsWith(`/${poison.split("/").at(-1)?.slice(0, 32)}`);
    await withServer({ fail: (request) => (isPoison(request) ? 413 : undefined) }, async (server) => {
      await using queue = open(toToml(toCache("one", server.url)), {
        runtime: { clock: hurried(100) },
        deadlineMs: 1e10,
      });
      const tickets = await enqueueAll(queue, paths, ["one"]);
      const reports = await Promise.all(tickets.map(({ done }) => done));
      expect(reports.flatMap(({ ok }, index) => (ok ? [] : [paths[index]]))).toEqual([poison]);
      expect(paths.filter((path) => server.narinfo(path) === undefined)).toEqual([poison]);
      expect(await queue.deadLetters()).toMatchObject([{ code: "ERR_PUSH_FAILED", storePaths: [poison] }]);
    });
  }, 120_000);

  it("is not held up at one cache by another that hangs", async () => {
    await using hanging = await BinaryCacheServer.start({ hang: true });
    await using working = await BinaryCacheServer.start();
    const paths = await store.addMany("beside", 30);
    const queue = open(toToml(toCache("hanging", hanging.url), toCache("working", working.url)));
    const settled: string[] = [];
    await enqueueAll(queue, paths.slice(0, 5), ["hanging", "working"]);
    const tickets = await enqueueAll(queue, paths.slice(5), ["working"]);
    const reports = await Promise.all(tickets.map(({ done }) => done));
    expect(reports.every(({ ok }) => ok)).toBe(true);
    expect(paths.filter((path) => working.narinfo(path) === undefined)).toEqual([]);
    expect(settled).toEqual([]);
    expect(queue.size).toBe(5);
    await queue.close();
  }, 60_000);

  it("ends a push that stalls long before its time is over", () =>
    withServer({ hang: true }, async (server) => {
      const [path = ""] = await store.addMany("stall", 1);
      const registry = CacheRegistry.fromToml(toToml(toCache("one", server.url)), {
        runtime: { env: store.env },
        verify: "never",
      });
      const started = performance.now();
      const { results } = await registry.push(
        { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] },
        { stallTimeoutMs: 500 },
      );
      expect(results[0]).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_STALLED" } });
      expect(performance.now() - started).toBeLessThan(30_000);
    }));

  it("tells the progress of nix in paths and bytes", () =>
    withServer({}, async (server) => {
      const paths = await store.addMany("progress", 5);
      const steps: PushProgress[] = [];
      await using queue = open(toToml(toCache("one", server.url)), {
        onProgress: (step) => steps.push(step),
      });
      await queue.enqueue({ repository: "o/r", job: "j", caches: ["one"], storePaths: paths });
      await queue.drain();
      expect(steps[0]).toEqual({ type: "started", cacheId: "one" });
      expect(steps.at(-1)).toEqual({ type: "finished", cacheId: "one" });
      expect(steps.filter(({ type }) => type === "paths").at(-1)).toMatchObject({ done: 5, expected: 5 });
    }));

  it("tells failures in words for people, also while nix writes for programs", () =>
    withServer(
      { fail: ({ method, path }) => (method === "PUT" && path.endsWith(".narinfo") ? 413 : undefined) },
      async (server) => {
        const [path = ""] = await store.addMany("words", 1);
        const registry = CacheRegistry.fromToml(toToml(toCache("one", server.url, 'upload = "nix"')), {
          runtime: { env: store.env },
        });
        const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
        const lines: string[] = [];
        const { results } = await registry.push(request, {
          onProgress: () => {},
          onOutput: ({ text }) => lines.push(text),
        });
        const [result] = results;
        expect(result).toMatchObject({
          status: "failed",
          error: { message: expect.stringContaining("HTTP error 413") },
        });
        const printed = `${lines.join("")}${JSON.stringify(result)}`;
        expect(printed).toContain("copying path");
        expect(printed).not.toMatch(/@nix|action|\\u001b/u);
      },
    ));

  it("reports nothing as pushed that the server forgot", async () => {
    const [path = ""] = await store.addMany("forgotten", 1);
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
    await withServer({ fail: ({ method }) => (method === "PUT" ? 201 : undefined) }, async (server) => {
      await using queue = open(toToml(toCache("one", server.url)), {
        runtime: { clock: hurried(100) },
        deadlineMs: 1e10,
      });
      const { results } = await (await queue.enqueue(request)).done;
      expect(results[0]).toMatchObject({
        status: "failed",
        error: { code: "ERR_PUSH_UNVERIFIED" },
        storePaths: [],
      });
    });
    await withServer({}, async (server) => {
      await using queue = open(toToml(toCache("one", server.url)));
      expect((await (await queue.enqueue(request)).done).ok).toBe(true);
      server.wipe();
      expect((await (await queue.enqueue(request)).done).ok).toBe(true);
      expect(server.narinfo(path)).toContain("StorePath");
    });
  }, 60_000);

  it("takes only what the required key has signed", () =>
    withServer({}, async (server) => {
      const [signed = "", unsigned = ""] = await store.addMany("signed", 2);
      await store.sign(signed, "ci-1");
      await store.sign(unsigned, "other-1");
      await using queue = open(toToml(toCache("one", server.url, 'require_signature = "ci-1"')));
      const [first, second] = await enqueueAll(queue, [signed, unsigned], ["one"]);
      expect((await first?.done)?.results[0]).toMatchObject({ status: "pushed" });
      expect((await second?.done)?.results[0]).toMatchObject({
        status: "failed",
        error: { code: "ERR_SIGNATURE_MISSING" },
      });
    }));

  it("keeps queued paths from the garbage collector, and no longer", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-roots-"));
    const [path = ""] = await store.addMany("rooted", 1);
    const executor = createProcessExecutor({ runtime: { env: store.env } });
    const storeDirectory = store.env["NIX_STORE_DIR"];
    await withServer({}, async (server) => {
      await using queue = open(toToml(toCache("one", server.url)), {
        lingerMs: 1_500,
        gcRoots: createGcRoots({ directory, executor, storeDirectory }),
      });
      const ticket = await queue.enqueue({
        repository: "o/r",
        job: "j",
        caches: ["one"],
        storePaths: [path],
      });
      await expect(store.delete(path)).rejects.toThrow("still alive");
      expect((await ticket.done).ok).toBe(true);
    });
    expect(await readdir(directory)).toEqual([]);
    await store.delete(path);
    await rm(directory, { recursive: true });
  }, 60_000);
});

describeWith("nix", "a host that is killed", () => {
  describeWith("node:sqlite", "in the middle of its work", () => {
    it("20 times has delivered everything that it had accepted", async () => {
      await using store = await PrivateNixStore.create();
      await using server = await BinaryCacheServer.start();
      const directory = await mkdtemp(join(tmpdir(), "eka-ci-kill-"));
      const paths = await store.addMany("killed", 200);
      const accepted = new Set<string>();
      const runHost = async (
        storePaths: readonly string[],
        killAfterMs: number | undefined,
      ): Promise<string> => {
        const setup = {
          toml: toToml(toCache("loopback", server.url)),
          journal: join(directory, "journal.sqlite"),
          storePaths,
        };
        const args = ["--import", "tsx", "test/integration/hosts/queue-host.ts", JSON.stringify(setup)];
        const host = spawn(nodeWithSqlite ?? "node", args, {
          env: store.env,
          stdio: ["ignore", "pipe", "pipe"],
        });
        let output = "";
        let errors = "";
        host.stdout.on("data", (chunk) => (output += String(chunk)));
        host.stderr.on("data", (chunk) => (errors += String(chunk)));
        const ended = once(host, "close");
        if (killAfterMs !== undefined) {
          while (!output.includes("accepted") && host.exitCode === null) await sleep(5);
          await sleep(killAfterMs);
          host.kill("SIGKILL");
        }
        await ended;
        for (const [, path = ""] of output.matchAll(/^accepted (.*)$/gmu)) accepted.add(path);
        return killAfterMs === undefined ? `${output}${errors}` : output;
      };
      for (let round = 0; round < 20; round++) {
        await runHost(paths.slice(round * 10, round * 10 + 10), Math.random() * 400);
      }
      const last = await runHost([], undefined);
      expect(last).toContain("drained, 0 dead letters");
      expect(accepted.size).toBeGreaterThan(20);
      expect([...accepted].filter((path) => server.narinfo(path) === undefined)).toEqual([]);
      await rm(directory, { recursive: true });
    }, 300_000);
  });
});
