import type { CommandSpec } from "../commands/command.ts";
import type { PushError } from "../errors.ts";
import { toEmptyResult } from "../execution/empty-result.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { MarkerWatch } from "../execution/marker-watch.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { Clock } from "../runtime.ts";
import { CommandOutput } from "./command-output.ts";
import { findRunError } from "./outcome.ts";
import { StallWatch } from "./stall-watch.ts";

/** How a command is run. */
export interface RunCommandOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  /** How long this command may take. */
  readonly remainingMs: number;
  /** How long the whole push may take, for messages. */
  readonly timeoutMs: number;
  /** How long it may make no progress; absent: as long as it may take. */
  readonly stallTimeoutMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
}

/** What came of a command. */
export interface CommandOutcome {
  /** Absent if there was no time left to run it. */
  readonly result?: ExecutionResult;
  /** Absent if it succeeded. */
  readonly error?: PushError | undefined;
}

/** Runs a command and says whether it succeeded, by all that it printed. */
export async function runCommand(command: CommandSpec, options: RunCommandOptions): Promise<CommandOutcome> {
  const { executor, remainingMs, timeoutMs, signal, stallTimeoutMs } = options;
  const context = { tool: command.file, timeoutMs, stallTimeoutMs };
  if (remainingMs <= 0)
    return {
      error: findRunError(toEmptyResult("timed-out"), {
        ...context,
        hasStalled: false,
        sawFailureMarker: false,
      }),
    };
  const watch = new MarkerWatch(command.failureMarkers ?? []);
  using stall = new StallWatch(options.clock, stallTimeoutMs, signal);
  const output = new CommandOutput(command, { ...options, onMove: () => stall.move() });
  options.onProgress?.({ type: "started" });
  const ended = await executor.execute(command, {
    timeoutMs: Math.ceil(remainingMs),
    signal: stall.signal,
    onOutput: (chunk) => {
      watch.push(chunk);
      output.push(chunk);
    },
  });
  // An executor of the host's own need not stream.
  for (const stream of ["stdout", "stderr"] as const) watch.push({ stream, text: `\n${ended[stream]}` });
  const result = output.finish(ended);
  options.onProgress?.({ type: "finished" });
  const { hasStalled } = stall;
  return { result, error: findRunError(result, { ...context, hasStalled, sawFailureMarker: watch.seen }) };
}
