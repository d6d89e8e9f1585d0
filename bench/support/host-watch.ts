import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";

const MEBIBYTE = 2 ** 20;
const EVERY_MS = 25;

/** What work cost the process that did it. */
export interface HostCost {
  /** Most memory beyond that of the beginning. */
  readonly memoryMebibytes: number;
  readonly processorMs: number;
  readonly loopP99Ms: number;
  /** Most bytes of files in the private directories below a directory. */
  readonly diskMebibytes: number;
}

/** Watches this process, and a directory for temporary files, until it is stopped. */
export function watchHost(directory: string): { stop(): Promise<HostCost> } & AsyncDisposable {
  const before = { memory: process.memoryUsage.rss(), processor: process.cpuUsage() };
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  let [memory, disk, isWatching] = [before.memory, 0, true];
  const watching = (async () => {
    while (isWatching) {
      memory = Math.max(memory, process.memoryUsage.rss());
      disk = Math.max(disk, await measureFiles(directory));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  const stop = async (): Promise<HostCost> => {
    isWatching = false;
    loop.disable();
    const { user, system } = process.cpuUsage(before.processor);
    await watching;
    return {
      memoryMebibytes: (memory - before.memory) / MEBIBYTE,
      processorMs: (user + system) / 1_000,
      // The histogram counts from the timer's own resolution on.
      loopP99Ms: Math.max(0, loop.percentile(99) / 1e6 - 1),
      diskMebibytes: disk / MEBIBYTE,
    };
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

async function measureFiles(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch((): string[] => []);
  const files = names.filter((name) => name.startsWith("eka-ci-caches-"));
  const sizes = await Promise.all(
    files.map((name) =>
      stat(join(directory, name)).then(
        (status) => (status.isFile() ? status.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
