import type { CommandSpec } from "../commands/command.ts";
import type { PushError } from "../errors.ts";
import { toEmptyResult } from "../execution/empty-result.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { MarkerWatch } from "../execution/marker-watch.ts";
import { findRunError } from "./outcome.ts";

/** How a command is run. */
export interface RunCommandOptions {
  readonly executor: Executor;
  /** How long this command may take. */
  readonly remainingMs: number;
  /** How long the whole push may take, for messages. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
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
  const { executor, remainingMs, timeoutMs, signal, onOutput } = options;
  const context = { tool: command.file, timeoutMs };
  if (remainingMs <= 0)
    return { error: findRunError(toEmptyResult("timed-out"), { ...context, sawFailureMarker: false }) };
  const watch = new MarkerWatch(command.failureMarkers ?? []);
  const result = await executor.execute(command, {
    timeoutMs: Math.ceil(remainingMs),
    signal,
    onOutput: (chunk) => {
      watch.push(chunk);
      onOutput?.(chunk);
    },
  });
  // An executor of the host's own need not stream.
  for (const stream of ["stdout", "stderr"] as const) watch.push({ stream, text: `\n${result[stream]}` });
  return { result, error: findRunError(result, { ...context, sawFailureMarker: watch.seen }) };
}
