// What a push takes over a network: `npm run bench:network`. A cache on the loopback, in a process of its
// own, answers each request after 0, 20 and 60 ms; the same paths are pushed by hand (`nix copy` with a warm
// home) and by a registry that lives on, as a server's does. With EKA_CI_NIX_NEWER, a newer Nix is measured,
// too. Exits with 1 if a goal is missed.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CacheRegistry } from "@eka-ci/caches";
import { PrivateNixStore } from "../examples/support/private-nix-store.ts";
import { buildChain, buildOn, buildWide } from "../test/support/build-closure.ts";
import { watchHost } from "./support/host-watch.ts";
import { Scoreboard } from "./support/scoreboard.ts";
import { type Link, startLink } from "./support/start-link.ts";

const run = promisify(execFile);
const WIDTH = 300;
const MANY = 3_000;
const CHAIN = 40;
const DELAYS = [0, 20, 60];
const MEBIBYTE = 2 ** 20;
/** 1 GiB of many sizes, in MiB: 2, 8, 64 and 200 paths. */
const SIZES: readonly (readonly [count: number, mebibytes: number])[] = [
  [2, 128],
  [8, 48],
  [64, 4],
  [200, 0.64],
];

type Way = "by hand" | "direct";
type Protocol = "HTTP" | "S3";

/** What is pushed, one path after another in this order. */
interface Paths {
  readonly wide: string;
  /** One new path on it, for each way. */
  readonly oneMore: Readonly<Record<Way, string>>;
  readonly chain: string;
}

class NetworkBenchmark {
  readonly #store: PrivateNixStore;
  readonly #link: Link;
  readonly #board: Scoreboard;
  readonly #nix: string;
  readonly #home = mkdtempSync(join(tmpdir(), "eka-ci-bench-home-"));

  constructor(store: PrivateNixStore, link: Link, board: Scoreboard, nix: string) {
    [this.#store, this.#link, this.#board, this.#nix] = [store, link, board, nix];
  }

  /** Pushes directly, and measures nothing. */
  async warmUp(path: string): Promise<void> {
    await this.#link.set({ clear: true, delayMs: 0 });
    await using registry = this.#open("HTTP");
    await this.#push("direct", "HTTP", registry, path);
  }

  /** The rows of one delay over one protocol. */
  async measureDelay(paths: Paths, protocol: Protocol, delayMs: number): Promise<void> {
    const where = `${this.#nix}, ${protocol}, ${delayMs} ms`;
    const isSigned = protocol === "HTTP";
    const rows = new Map<string, Map<Way, number>>();
    for (const way of ["by hand", "direct"] as const) {
      // Not every Nix can reach a bucket.
      if (way === "by hand" && protocol === "S3" && !(await this.#hasS3())) continue;
      await this.#link.set({ clear: true, delayMs });
      rmSync(this.#home, { recursive: true, force: true });
      await using registry = this.#open(protocol);
      const add = async (what: string, path: string): Promise<void> => {
        const start = performance.now();
        await this.#push(way, protocol, registry, path);
        const row = rows.get(what) ?? new Map<Way, number>();
        rows.set(what, row.set(way, performance.now() - start));
        const requests = await this.#link.set({});
        const counted = rows.get(`requests of ${what}`) ?? new Map<Way, number>();
        rows.set(`requests of ${what}`, counted.set(way, requests));
      };
      await add(`first push of ${WIDTH + 1} paths`, paths.wide);
      await add("one new path on them", paths.oneMore[way]);
      await add("nothing new", paths.wide);
      await add(`a chain of ${CHAIN}`, paths.chain);
    }
    this.#report(where, rows, delayMs, isSigned);
  }

  /** One new path on a large closure, which is there and known. */
  async measureMany(many: string, oneMore: Readonly<Record<Way, string>>, delayMs: number): Promise<void> {
    const rows = new Map<string, Map<Way, number>>([["one new path", new Map()]]);
    for (const way of ["by hand", "direct"] as const) {
      await this.#link.set({ clear: true, delayMs: 0 });
      rmSync(this.#home, { recursive: true, force: true });
      await using registry = this.#open("HTTP");
      await this.#push(way, "HTTP", registry, many);
      await this.#link.set({ delayMs });
      const start = performance.now();
      await this.#push(way, "HTTP", registry, oneMore[way]);
      rows.get("one new path")?.set(way, performance.now() - start);
      if (way === "direct")
        this.#board.add({
          what: `${this.#nix}: requests of one new path on ${MANY}`,
          value: await this.#link.set({}),
          unit: "",
        });
    }
    this.#report(`${this.#nix}, HTTP, ${delayMs} ms, on ${MANY} paths`, rows, undefined, false);
  }

  /** Large NARs, and what they cost the host. */
  async measureLarge(
    what: string,
    path: string,
    options: { delayMs: number; bytesPerSecond?: number; goal?: number },
  ): Promise<void> {
    const times = new Map<Way, number>();
    for (const way of ["by hand", "direct"] as const) {
      await this.#link.set({ clear: true, ...options });
      rmSync(this.#home, { recursive: true, force: true });
      await using registry = this.#open("HTTP");
      await using watch = watchHost(this.#store.env["TMPDIR"] ?? "");
      const start = performance.now();
      await this.#push(way, "HTTP", registry, path);
      times.set(way, performance.now() - start);
      this.#board.add({ what: `${this.#nix}: ${what}, ${way}`, value: times.get(way) ?? 0, unit: "ms" });
      if (way === "by hand") continue;
      const { memoryMebibytes, processorMs, loopP99Ms, diskMebibytes } = await watch.stop();
      const of = `${this.#nix}: ${what}`;
      this.#board.add({
        what: `${of}, memory of the host`,
        value: memoryMebibytes,
        unit: "MiB more",
        goal: "at most 64",
        isMet: memoryMebibytes <= 64,
      });
      this.#board.add({ what: `${of}, processor time of the host`, value: processorMs, unit: "ms" });
      this.#board.add({
        what: `${of}, delay of the event loop, p99`,
        value: loopP99Ms,
        unit: "ms",
        goal: "at most 20",
        isMet: loopP99Ms <= 20,
      });
      this.#board.add({ what: `${of}, disk`, value: diskMebibytes, unit: "MiB" });
    }
    const ratio = (times.get("direct") ?? 0) / (times.get("by hand") ?? 1);
    if (options.goal !== undefined)
      this.#board.addAtMost(`${this.#nix}: ${what}, direct / by hand`, ratio, options.goal);
    else this.#board.add({ what: `${this.#nix}: ${what}, direct / by hand`, value: ratio, unit: "times" });
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true, force: true });
  }

  #toUrl(protocol: Protocol): string {
    const server = `http://127.0.0.1:${this.#link.port}`;
    return protocol === "HTTP"
      ? `${server}?compression=zstd`
      : `s3://bucket?endpoint=${server}&region=us-east-1&compression=zstd`;
  }

  #open(protocol: Protocol): CacheRegistry {
    return CacheRegistry.fromToml(
      `security = { allow_private_cache_hosts = true, max_hook_timeout_seconds = 600 }
       [[caches]]
       id = "one"
       cache_type = "nix-copy"
       destination = "${this.#toUrl(protocol)}"
       credentials = "none"
       permissions = { allow_all = true }`,
      { runtime: { env: this.#store.env } },
    );
  }

  async #push(way: Way, protocol: Protocol, registry: CacheRegistry, path: string): Promise<void> {
    if (way === "by hand") {
      const args = ["--extra-experimental-features", "nix-command", "copy", "--no-check-sigs", "--to"];
      await run("nix", [...args, this.#toUrl(protocol), path], {
        env: { ...this.#store.env, HOME: this.#home },
      });
      return;
    }
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
    const report = await registry.push(request);
    const [result] = report.results;
    if (result?.status !== "pushed" || result.upload?.way !== "direct")
      throw new Error("A push of the benchmark failed");
  }

  async #hasS3(): Promise<boolean> {
    const args = [
      "--extra-experimental-features",
      "nix-command",
      "store",
      "ping",
      "--store",
      this.#toUrl("S3"),
    ];
    return run("nix", args, { env: { ...this.#store.env, HOME: this.#home } }).then(
      () => true,
      () => false,
    );
  }

  #report(
    where: string,
    rows: ReadonlyMap<string, ReadonlyMap<Way, number>>,
    delayMs: number | undefined,
    isCounted: boolean,
  ): void {
    for (const [what, byWay] of rows) {
      const isCount = what.startsWith("requests");
      if (isCount && !isCounted) continue;
      for (const [way, value] of byWay)
        this.#board.add({ what: `${where}: ${what}, ${way}`, value, unit: isCount ? "" : "ms" });
      const [hand, direct = 0] = [byWay.get("by hand"), byWay.get("direct")];
      if (isCount && what.includes("one new"))
        this.#board.add({
          what: `${where}: ${what}, direct, when remembered`,
          value: direct,
          unit: "",
          goal: "at most 12",
          isMet: direct <= 12,
        });
      if (isCount || hand === undefined) continue;
      const goal = findGoal(what, this.#nix, delayMs);
      if (goal === undefined)
        this.#board.add({ what: `${where}: ${what}, direct / by hand`, value: direct / hand, unit: "times" });
      else this.#board.addAtMost(`${where}: ${what}, direct / by hand`, direct / hand, goal);
    }
  }
}

function findGoal(what: string, nix: string, delayMs: number | undefined): number | undefined {
  if (delayMs === 0) return 1;
  if (delayMs !== 60) return undefined;
  if (what.startsWith("first")) return / 2\.8/u.test(nix) ? 0.03 : 0.06;
  if (what.startsWith("one new")) return 1.2;
  return what.startsWith("a chain") ? 0.4 : undefined;
}

async function measure(searchPath: string, board: Scoreboard): Promise<void> {
  await using store = await PrivateNixStore.create(searchPath);
  using link = await startLink();
  const nix = (await run("nix", ["--version"], { env: store.env })).stdout.trim();
  using benchmark = new NetworkBenchmark(store, link, board, nix);
  const one = (way: number): Promise<string> => buildWide(store, "wide", WIDTH, `one-more-${way}`);
  const paths: Paths = {
    wide: await buildWide(store, "wide", WIDTH),
    oneMore: { "by hand": await one(0), direct: await one(1) },
    chain: await buildChain(store, "chain", CHAIN),
  };
  // A server that has pushed before has its code compiled.
  for (let turn = 0; turn < 3; turn++) await benchmark.warmUp(paths.wide);
  for (const delayMs of DELAYS) await benchmark.measureDelay(paths, "HTTP", delayMs);
  for (const delayMs of DELAYS) await benchmark.measureDelay(paths, "S3", delayMs);

  const leaves = await store.addMany("leaf", MANY);
  const on = (name: string): Promise<string> => buildOn(store, name, leaves);
  await benchmark.measureMany(
    await on("many"),
    { "by hand": await on("more-0"), direct: await on("more-1") },
    60,
  );

  const addLarge = (name: string, mebibytes: number): Promise<string> =>
    store.add(name, randomBytes(mebibytes * MEBIBYTE));
  await benchmark.measureLarge("one NAR of 256 MiB, 60 ms", await addLarge("large", 256), {
    delayMs: 60,
    goal: 1.05,
  });
  const many = SIZES.flatMap(([count, size]) =>
    Array.from({ length: count }, (_path, index) => [`${size}-${index}`, size] as const),
  );
  const parts: string[] = [];
  for (const [name, size] of many) parts.push(await addLarge(name, size));
  await benchmark.measureLarge(
    "1 GiB of many sizes at 100 MB/s, 20 ms",
    await buildOn(store, "gibibyte", parts),
    { delayMs: 20, bytesPerSecond: 1e8 },
  );
}

const board = new Scoreboard();
const installed = process.env["PATH"] ?? "";
await measure(installed, board);
const newer = process.env["EKA_CI_NIX_NEWER"];
if (newer !== undefined && newer !== "") await measure(`${newer}:${installed}`, board);
board.finish();
