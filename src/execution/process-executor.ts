import { lateImport } from "../core/late-import.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { Executor } from "./executor.ts";
import type { ProcessExecutorOptions } from "./process-executor-options.ts";

/**
 * Creates the default executor, which starts child processes on POSIX systems.
 *
 * No shell is involved. The child gets the command's variables and a short fixed list (PATH, certificates,
 * proxies, Nix daemon and store), and no other variables of the host. It runs in a private directory, which
 * is its HOME, XDG home and working directory, and which is removed afterwards. `node_modules/.bin` and the
 * working directory are not searched for executables.
 *
 * When the host exits, its children are ended and their directories removed. A host that handles SIGTERM or
 * SIGINT must call `process.exit` or dispose its registries for that.
 *
 * A run settles within its timeout, 5 s of grace and 1 s, whatever the child does, and leaves no process of
 * its group. The last 64 KiB of output are kept. Every secret of at least 8 characters is redacted in kept
 * and streamed output, also in base64 and as URL- or JSON-escaped text.
 *
 * @param options - environment, PATH and ports
 *
 * @example
 * ```ts
 * const executor = createProcessExecutor();
 * const result = await executor.execute(buildPushCommand(input), { timeoutMs: 60_000 });
 * result.outcome; // "succeeded", "failed", "timed-out" or "aborted"
 * ```
 *
 * @public
 */
export function createProcessExecutor(options: ProcessExecutorOptions = {}): Executor {
  const runtime = createNodeRuntime(options.runtime);
  const load = lateImport(() => loadExecutor(options, runtime));
  // The first run tells.
  load().catch(() => undefined);
  return {
    sharesDisk: true,
    execute: async (command, executeOptions) => (await load()).execute(command, executeOptions),
  };
}

/** Loaded with the first executor; a host that only decides has none. */
async function loadExecutor(options: ProcessExecutorOptions, runtime: Runtime): Promise<Executor> {
  const { makeProcessExecutor } = await import("./process-run.ts");
  return makeProcessExecutor(options, runtime);
}
