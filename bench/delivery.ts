// What delivery costs: `npm run bench:delivery` (needs nix). All ratios are of one run on one machine,
// verification aside. Exits with 1 if a goal is missed: 200 paths through the queue take at most 1.25 times
// one hand-typed `nix copy` of all, and at most a sixth of one process for each path in a row; 10,000
// requests hold under 100 MiB and settle in linear time; a child that prints 1 GiB raises memory by less than
// 32 MiB.
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CacheRegistry, createProcessExecutor, PushQueue } from "@eka-ci/caches";
import { createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import { PrivateNixStore } from "../examples/support/private-nix-store.ts";
import { Scoreboard } from "./support/scoreboard.ts";

const run = promisify(execFile);
const MIB = 1024 * 1024;
const board = new Scoreboard((await PrivateNixStore.findNix()) ?? "no nix");

const toToml = (url: string): string => `
  [security]
  allow_private_cache_hosts = true
  [[caches]]
  id = "loopback"
  cache_type = "nix-copy"
  destination = "${url}"
  credentials = "none"
  permissions = { allow_all = true }`;

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function wipe(server: ChildProcess): Promise<void> {
  server.send("wipe");
  await once(server, "message");
}

/** The fastest of some rounds, each on an empty server. */
async function fastest(rounds: number, server: ChildProcess, work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    await wipe(server);
    best = Math.min(best, await time(work));
  }
  return best;
}

function copyByHand(store: PrivateNixStore, url: string, paths: readonly string[]): () => Promise<void> {
  return async () => {
    const home = await mkdtemp(join(tmpdir(), "eka-ci-bench-"));
    const args = ["--extra-experimental-features", "nix-command", "copy", "--to", url, ...paths];
    await run("nix", args, { env: { ...store.env, HOME: home, XDG_CACHE_HOME: home } });
    await rm(home, { recursive: true });
  };
}

function pushThroughQueue(
  store: PrivateNixStore,
  url: string,
  paths: readonly string[],
  verify: "always" | "never",
) {
  return async () => {
    await using registry = CacheRegistry.fromToml(toToml(url), { runtime: { env: store.env }, verify });
    await using queue = new PushQueue(registry);
    const requests = paths.map((path) => ({
      repository: "o/r",
      job: "j",
      caches: ["loopback"],
      storePaths: [path],
    }));
    const tickets = await Promise.all(requests.map((request) => queue.enqueue(request)));
    const reports = await Promise.all(tickets.map(({ done }) => done));
    if (!reports.every(({ ok }) => ok)) throw new Error("A push of the benchmark failed");
  };
}

async function measureSpeed(): Promise<void> {
  await using store = await PrivateNixStore.create();
  const paths = await store.addMany("bench", 200);
  const server = fork(new URL("support/cache-server.ts", import.meta.url), {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  try {
    const url = String((await once(server.stdout ?? server, "data"))[0]).trim();
    const byHand = await fastest(5, server, copyByHand(store, url, paths));
    const queued = await fastest(5, server, pushThroughQueue(store, url, paths, "never"));
    const verified = await fastest(3, server, pushThroughQueue(store, url, paths, "always"));
    const inARow = await fastest(1, server, async () => {
      for (const path of paths) await copyByHand(store, url, [path])();
    });
    board.add({ what: "one nix copy of 200 paths, typed by hand", value: byHand, unit: "s" });
    board.add({ what: "200 requests through the queue, not verified", value: queued, unit: "s" });
    board.add({ what: "the same, verified", value: verified, unit: "s" });
    board.add({ what: "200 times nix copy in a row", value: inARow, unit: "s" });
    board.addAtMost("queue / by hand", queued / byHand, 1.25);
    board.addAtLeast("in a row / queue", inARow / queued, 6);
  } finally {
    server.kill();
  }
}

function addBelow(what: string, value: number, unit: string, limit: number): void {
  board.add({ what, value, unit, goal: `under ${limit}`, isMet: value < limit });
}

async function settleMany(count: number): Promise<{ readonly seconds: number; readonly heapMiB: number }> {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const { env, files } = createTestRuntime();
  const registry = CacheRegistry.fromToml(toToml("http://127.0.0.1:9"), {
    executor: createRecordingExecutor(),
    runtime: { env, files },
    verify: "never",
  });
  // Nothing starts before all wait, so that the queue holds them at once.
  await using queue = new PushQueue(registry, { capacity: count, lingerMs: 3_600_000, maxBatchPaths: 400 });
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const storePath = `/nix/store/${String(index).padStart(32, "0")}-p`;
    await queue.enqueue({
      repository: "o/r",
      job: `job-${index}`,
      caches: ["loopback"],
      storePaths: [storePath],
    });
  }
  const enqueued = process.memoryUsage().heapUsed - before;
  while (queue.size > 400) await new Promise((resolve) => setImmediate(resolve));
  return { seconds: (performance.now() - start) / 1000, heapMiB: enqueued / MIB };
}

async function measureQueue(): Promise<void> {
  await settleMany(500);
  const small = await settleMany(2_500);
  const large = await settleMany(10_000);
  addBelow("heap of 10,000 queued requests", large.heapMiB, "MiB", 100);
  const growth = large.seconds / small.seconds;
  addBelow("10,000 requests / 2,500 requests (4 is linear)", growth, "times", 6);
}

async function measureOutput(): Promise<void> {
  const executor = createProcessExecutor();
  const shell = { file: "/bin/sh", env: new Map(), files: [] };
  await executor.execute({ ...shell, args: ["-c", "echo warm"] });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  await executor.execute(
    { ...shell, args: ["-c", "head -c 1073741824 /dev/zero | tr '\\0' x"] },
    { timeoutMs: 120_000 },
  );
  clearInterval(watch);
  const raised = (peak - before) / MIB;
  addBelow("memory raised by a child that prints 1 GiB", raised, "MiB", 32);
}

await measureOutput();
await measureQueue();
await measureSpeed();
board.finish();
