// What a push takes over a network: `npm run bench:network`. A cache on the loopback answers each request after 0, 20 and 60 ms; the same
// paths are pushed by hand (`nix copy` with a warm home), by a registry with upload = "nix", and with upload = "direct". With
// EKA_CI_NIX_NEWER, a newer Nix is measured, too. Exits with 1 if a goal is missed.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CacheRegistry } from "@eka-ci/caches";
import { PrivateNixStore } from "../examples/support/private-nix-store.ts";
import { buildChain, buildWide } from "../test/support/build-closure.ts";
import { Scoreboard } from "./support/scoreboard.ts";

const WIDTH = 300;
const CHAIN = 40;
const DELAYS = [0, 20, 60];

/** A cache in memory that answers after a while. */
async function startCache() {
  const objects = new Map<string, Buffer>();
  const state = { delayMs: 0, requests: 0 };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    state.requests++;
    if (state.delayMs > 0) await sleep(state.delayMs);
    const key = request.url ?? "";
    if (request.method === "PUT") objects.set(key, Buffer.concat(chunks));
    const object = request.method === "PUT" ? Buffer.alloc(0) : objects.get(key);
    response.writeHead(object === undefined ? 404 : 200, { "content-length": object?.length ?? 0 });
    response.end(request.method === "HEAD" ? undefined : object);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { objects, state, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

type Way = "by hand" | 'upload = "nix"' | 'upload = "direct"';
const WAYS: readonly Way[] = ["by hand", 'upload = "nix"', 'upload = "direct"'];

async function measure(searchPath: string, board: Scoreboard): Promise<void> {
  const store = await PrivateNixStore.create(searchPath);
  const version = (await promisify(execFile)("nix", ["--version"], { env: store.env })).stdout.trim();
  const cache = await startCache();
  const home = mkdtempSync(join(tmpdir(), "eka-ci-bench-home-"));
  const [wide, chain] = [await buildWide(store, "wide", WIDTH), await buildChain(store, "chain", CHAIN)];
  // One new path on the closure that is there.
  const more = await Promise.all(
    [...WAYS.keys()].map((index) => buildWide(store, "wide", WIDTH, `one-more-${index}`)),
  );

  const pushBy = async (way: Way, path: string): Promise<void> => {
    if (way === "by hand") {
      const args = [
        "--extra-experimental-features",
        "nix-command",
        "copy",
        "--no-check-sigs",
        "--to",
        cache.url,
      ];
      await promisify(execFile)("nix", [...args, path], { env: { ...store.env, HOME: home } });
      return;
    }
    await using registry = CacheRegistry.fromToml(
      `security = { allow_private_cache_hosts = true }
       [[caches]]
       id = "one"
       cache_type = "nix-copy"
       destination = "${cache.url}"
       ${way}
       credentials = "none"
       permissions = { allow_all = true }`,
      { runtime: { env: store.env } },
    );
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
    const report = await registry.push(request);
    if (!report.ok) throw new Error("A push of the benchmark failed");
  };
  const timed = async (way: Way, path: string): Promise<number> => {
    const start = performance.now();
    await pushBy(way, path);
    return performance.now() - start;
  };

  for (const delayMs of DELAYS) {
    const times = new Map<string, Map<Way, number>>();
    for (const [index, way] of WAYS.entries()) {
      cache.objects.clear();
      rmSync(home, { recursive: true, force: true });
      cache.state.delayMs = delayMs;
      const add = (what: string, ms: number): void => {
        times.set(what, (times.get(what) ?? new Map<Way, number>()).set(way, ms));
      };
      cache.state.requests = 0;
      add(`first push of ${WIDTH + 1} paths`, await timed(way, wide));
      add("requests of it", cache.state.requests);
      add("one new path on them", await timed(way, more[index] ?? wide));
      add("nothing new", await timed(way, wide));
      add(`a chain of ${CHAIN}`, await timed(way, chain));
    }
    report(board, `${version}, ${delayMs} ms`, times, delayMs);
  }
  cache.server.closeAllConnections();
  cache.server.close();
  rmSync(home, { recursive: true, force: true });
  await store[Symbol.asyncDispose]();
}

function report(
  board: Scoreboard,
  where: string,
  times: ReadonlyMap<string, ReadonlyMap<Way, number>>,
  delayMs: number,
): void {
  for (const [what, byWay] of times) {
    const unit = what.startsWith("requests") ? "" : "ms";
    for (const [way, value] of byWay) board.add({ what: `${where}: ${what}, ${way}`, value, unit });
    const [hand = 0, direct = 0] = [byWay.get("by hand"), byWay.get('upload = "direct"')];
    const goal = findGoal(what, where, delayMs);
    if (goal !== undefined) board.addAtMost(`${where}: ${what}, direct / by hand`, direct / hand, goal);
  }
}

function findGoal(what: string, where: string, delayMs: number): number | undefined {
  if (what.startsWith("requests")) return undefined;
  if (delayMs === 0) return 1;
  if (delayMs !== 60) return undefined;
  if (what.startsWith("first")) return / 2\.8/u.test(where) ? 0.03 : 0.06;
  if (what.startsWith("one new")) return 1.2;
  return what.startsWith("a chain") ? 0.4 : undefined;
}

const board = new Scoreboard();
const installed = process.env["PATH"] ?? "";
await measure(installed, board);
const newer = process.env["EKA_CI_NIX_NEWER"];
if (newer !== undefined && newer !== "") await measure(`${newer}:${installed}`, board);
board.finish();
