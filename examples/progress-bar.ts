/**
 * A queue with a progress bar. 60 store paths are pushed to two caches on the loopback interface, one of
 * which fails every seventh upload. Run it with `npx tsx examples/progress-bar.ts`; without Nix it shows the
 * same with a recording executor.
 */
import {
  CacheRegistry,
  type CacheRegistryOptions,
  type PushProgress,
  PushQueue,
  type PushRequest,
} from "@eka-ci/caches";
import { createRecordingExecutor } from "@eka-ci/caches/testing";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { PrivateNixStore } from "./support/private-nix-store.ts";

const WIDTH = 30;

/** One line for each cache, updated with the progress; on a terminal it stays in place. */
class ProgressBars {
  readonly #done = new Map<string, number>();
  readonly #running = new Set<string>();
  readonly #total: number;

  constructor(cacheIds: readonly string[], total: number) {
    for (const cacheId of cacheIds) this.#done.set(cacheId, 0);
    this.#total = total;
  }

  /** A command of a cache made progress. */
  move({ type, cacheId }: PushProgress): void {
    if (type === "started") this.#running.add(cacheId);
    if (type === "finished") this.#running.delete(cacheId);
    this.#draw();
  }

  /** Another request is settled at a cache. */
  settle(cacheId: string): void {
    this.#done.set(cacheId, (this.#done.get(cacheId) ?? 0) + 1);
    this.#draw();
  }

  #draw(): void {
    if (!process.stdout.isTTY) return;
    process.stdout.write(`\r${this.toString()}`);
  }

  toString(): string {
    const bars = [...this.#done].map(([cacheId, done]) => {
      const filled = Math.round((done / this.#total) * WIDTH);
      const bar = "#".repeat(filled).padEnd(WIDTH, "-");
      return `${cacheId} [${bar}] ${done}/${this.#total}${this.#running.has(cacheId) ? " *" : ""}`;
    });
    return bars.join("  ");
  }
}

function toToml(urls: Readonly<Record<string, string>>): string {
  const caches = Object.entries(urls).map(
    ([id, url]) => `
      [[caches]]
      id = "${id}"
      cache_type = "nix-copy"
      destination = "${url}"
      credentials = { none = {} }
      permissions = { allow_all = true }`,
  );
  return `[security]\nallow_private_cache_hosts = true\n${caches.join("\n")}`;
}

async function pushAll(
  urls: Readonly<Record<string, string>>,
  storePaths: readonly string[],
  options: CacheRegistryOptions,
): Promise<void> {
  await using registry = CacheRegistry.fromToml(toToml(urls), options);
  const bars = new ProgressBars(Object.keys(urls), storePaths.length);
  await using queue = new PushQueue(registry, {
    backoff: { baseMs: 50, capMs: 500 },
    maxAttempts: 10,
    onProgress: (progress) => bars.move(progress),
    onSettled: ({ result }) => bars.settle(result.cacheId),
  });
  const base = { repository: "company/backend", job: "backend", caches: Object.keys(urls) };
  const requests = storePaths.map((storePath): PushRequest => ({ ...base, storePaths: [storePath] }));
  const tickets = await Promise.all(requests.map((request) => queue.enqueue(request)));
  const reports = await Promise.all(tickets.map(({ done }) => done));
  console.log(`${process.stdout.isTTY ? "\n" : ""}${bars}`);
  const pushed = reports.flatMap(({ results }) => results).filter(({ status }) => status === "pushed").length;
  console.log(
    `${pushed} of ${storePaths.length * Object.keys(urls).length} deliveries are proven to be there`,
  );
  if (pushed < storePaths.length * Object.keys(urls).length) process.exitCode = 1;
}

async function main(): Promise<void> {
  let requests = 0;
  await using steady = await BinaryCacheServer.start();
  await using moody = await BinaryCacheServer.start({
    fail: ({ method }) => (method === "PUT" && ++requests % 7 === 0 ? 500 : undefined),
  });
  const urls = { steady: steady.url, moody: moody.url };
  if ((await PrivateNixStore.findNix()) === undefined) {
    console.log("No nix is installed here, so nothing is really uploaded; the recording executor stands in.");
    const paths = Array.from(
      { length: 60 },
      (_path, index) => `/nix/store/${String(index).padStart(32, "0")}-part`,
    );
    await pushAll(urls, paths, { executor: createRecordingExecutor() });
    return;
  }
  await using store = await PrivateNixStore.create();
  await pushAll(urls, await store.addMany("part", 60), { runtime: { env: store.env } });
}

await main();
