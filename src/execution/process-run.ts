import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { exec } from "tinyexec";
import type { CommandSpec } from "../commands/command.ts";
import type { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { maskHostEnvironment, type Runtime } from "../host/runtime.ts";
import { type ActiveRun, trackRun } from "./active-runs.ts";
import { addCertificates } from "./certificates.ts";
import { buildChildEnvironment, type ChildEnvironment } from "./child-environment.ts";
import { toEmptyResult } from "./empty-result.ts";
import { findExecutable, toSafePath } from "./executable.ts";
import type { ExecuteOptions, ExecutionResult, Executor } from "./executor.ts";
import { toStartError } from "./host-shortage.ts";
import { OutputCapture } from "./output-capture.ts";
import type { ProcessExecutorOptions } from "./process-executor-options.ts";
import { type ChildEnd, superviseChild } from "./process-group.ts";
import {
  createWorkDirectory,
  findMemoryDirectory,
  type WorkDirectory,
  type WorkParents,
} from "./work-dir.ts";

const DEFAULT_TIMEOUT_MS = 300_000;

/** Makes what runs the children of a {@link createProcessExecutor}. */
export function makeProcessExecutor(options: ProcessExecutorOptions, runtime: Runtime): Executor {
  const parents: WorkParents = {
    work: options.workDirectoryParent ?? (runtime.env["TMPDIR"] || "/tmp"),
    secrets: options.secretsParent ?? findMemoryDirectory(),
  };
  const inheritEnv = options.inheritEnv ?? [];
  return {
    execute: async (given, executeOptions = {}) => {
      const command = addCertificates(given, runtime.env);
      if (executeOptions.signal?.aborted === true) return toEmptyResult("aborted");
      const path = await toSafePath(options.path ?? runtime.env["PATH"] ?? "", runtime);
      const file = await findExecutable(command.file, path, runtime);
      const work = createWorkDirectory(command, parents);
      const active: ActiveRun = { removeNow: () => work.removeNow() };
      const untrack = trackRun(active);
      try {
        const environment = buildChildEnvironment(command, path, {
          runtime,
          inheritEnv,
          resolve: work.resolve,
        });
        return await run({ command, file, work, environment, runtime, active }, executeOptions);
      } finally {
        await removeInTime(work, runtime, untrack);
      }
    },
  };
}

interface Run {
  readonly command: CommandSpec;
  readonly file: string;
  readonly work: WorkDirectory;
  readonly environment: ChildEnvironment;
  readonly runtime: Runtime;
  readonly active: ActiveRun;
}

async function run(context: Run, options: ExecuteOptions): Promise<ExecutionResult> {
  const { runtime, environment } = context;
  if (options.signal?.aborted === true) return toEmptyResult("aborted");
  const capture = new OutputCapture({
    secrets: environment.secrets,
    onOutput: options.onOutput,
    onListenerError: () =>
      runtime.warn("An onOutput callback threw; it is not called again for this command"),
  });
  const start = runtime.clock.monotonic();
  const child = await spawnChild(context);
  context.active.pid = child.pid;
  const end = await captureChild(child, capture, { ...options, runtime });
  const durationMs = Math.round(runtime.clock.monotonic() - start);
  const { tail } = capture;
  return {
    ...end,
    durationMs,
    stdout: tail.read("stdout"),
    stderr: tail.read("stderr"),
    truncated: tail.truncated,
  };
}

async function captureChild(
  child: ChildProcess,
  capture: OutputCapture,
  options: ExecuteOptions & { readonly runtime: Runtime },
): Promise<ChildEnd> {
  const sinks = (["stdout", "stderr"] as const).map((name) => {
    const sink = capture.open(name);
    child[name]?.on("data", (bytes: Buffer) => sink.write(bytes));
    // A broken pipe ends the output; the exit tells how the child ended.
    child[name]?.on("error", () => child[name]?.destroy());
    return sink;
  });
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, runtime } = options;
  const end = await superviseChild(child, { clock: runtime.clock, timeoutMs, signal });
  for (const sink of sinks) sink.end();
  return end;
}

/**
 * Starts the child as the leader of its own process group. tinyexec merges the host's environment and puts
 * `node_modules/.bin` in front of PATH unless told otherwise, and its own promise can hang; only its spawning
 * is used.
 */
async function spawnChild({ command, file, work, environment }: Run): Promise<ChildProcess> {
  const args = command.args.map(work.resolve);
  let child: ChildProcess | undefined;
  try {
    child = exec(file, args, {
      nodePath: false,
      nodeOptions: {
        cwd: work.path,
        detached: true,
        env: maskHostEnvironment(environment.variables),
        stdio: ["ignore", "pipe", "pipe"],
      },
    }).process;
  } catch (error) {
    throw cannotStart(command, error);
  }
  if (child === undefined) throw cannotStart(command, undefined);
  if (child.pid === undefined) {
    const [error] = await once(child, "error");
    throw cannotStart(command, error);
  }
  return child;
}

function cannotStart(command: CommandSpec, error: unknown): CommandError {
  const reason = "the arguments are too long or malformed, or the file cannot be executed";
  return toStartError(error, `${quoteName(command.file)} could not be started`, reason);
}

/** How long a result waits for the removal of the directory, in milliseconds. */
const REMOVAL_MS = 100;

/** Removes secrets at once, and the rest shortly after; what takes longer continues in the background. */
async function removeInTime(work: WorkDirectory, runtime: Runtime, onRemoved: () => void): Promise<void> {
  const removing = work
    .remove()
    .catch(() => runtime.warn(`The private directory ${work.path} could not be removed; remove it by hand`))
    .finally(onRemoved);
  let cancel: (() => void) | undefined;
  const later = new Promise<void>((resolve) => {
    cancel = runtime.clock.schedule(resolve, REMOVAL_MS);
  });
  await Promise.race([removing, later]);
  cancel?.();
}
