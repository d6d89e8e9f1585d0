import { lateImport } from "../core/late-import.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { Executor } from "./executor.ts";
import type { ProcessExecutorOptions } from "./process-executor-options.ts";

/**
 * Makes the default executor: a real child process, for POSIX systems.
 *
 * No shell is involved. The child sees the command's variables and a short fixed list (PATH, certificates,
 * proxies, Nix daemon and store), nothing else of the host's. It runs in a private directory that is its
 * HOME, XDG homes and working directory, and that is removed afterwards. Executables are looked for neither
 * in `node_modules/.bin` nor in the working directory.
 *
 * When the host exits, its children end with it and their directories are removed; a host that handles
 * SIGTERM or SIGINT must exit by `process.exit` or dispose its registries for that.
 *
 * A run settles within its timeout, 5 s of grace and 1 s, whatever the child does, and leaves no process of
 * its group behind. At most the last 64 KiB of output are kept, and every secret of 8 characters or more is
 * redacted in what is kept and what is streamed, also as base64 and as URL- or JSON-escaped text.
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

/** Loaded with the first executor: a host that only decides has none. */
async function loadExecutor(options: ProcessExecutorOptions, runtime: Runtime): Promise<Executor> {
  const { makeProcessExecutor } = await import("./process-run.ts");
  return makeProcessExecutor(options, runtime);
}
