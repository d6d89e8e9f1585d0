import type { CommandSpec } from "../commands/command.ts";
import type { PushError } from "../core/errors.ts";
import type { Clock } from "../host/runtime.ts";
import { CommandOutput } from "./command-output.ts";
import { toEmptyResult } from "./empty-result.ts";
import type { ExecutionResult, Executor, OutputChunk } from "./executor.ts";
import { withOwnMeaning } from "./failure.ts";
import { MarkerWatch } from "./marker-watch.ts";
import type { CommandProgress } from "./nix-log.ts";
import { findRunError } from "./run-error.ts";
import { StallWatch } from "./stall-watch.ts";

/** How a command is run. */
export interface RunCommandOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  /** Texts of the host's environment that must not be shown. */
  readonly hostSecrets: readonly string[];
  /** How long this command may take. */
  readonly remainingMs: number;
  /** How long the whole push may take, for messages. */
  readonly timeoutMs: number;
  /** How long it may make no progress; absent for no limit. */
  readonly stallTimeoutMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
  /** Called when the command makes progress. */
  readonly onMove?: (() => void) | undefined;
}

/** The result of a command. */
export interface CommandOutcome {
  /** Absent if there was no time left to run it. */
  readonly result?: ExecutionResult;
  /** Absent if it succeeded. */
  readonly error?: PushError | undefined;
}

/** Runs a command and decides by its whole output whether it succeeded. */
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
  const onMove = (): void => {
    stall.move();
    options.onMove?.();
  };
  const output = new CommandOutput(command, { ...options, onMove });
  options.onProgress?.({ type: "started" });
  const execution = executor.execute(command, {
    timeoutMs: Math.ceil(remainingMs),
    signal: stall.signal,
    onOutput: (chunk) => {
      watch.push(chunk);
      output.push(chunk);
    },
  });
  const ended = await settleInTime(execution, options, stall.signal).finally(() => {
    options.onProgress?.({ type: "finished" });
  });
  // An executor of the host may not stream.
  for (const stream of ["stdout", "stderr"] as const) watch.push({ stream, text: `\n${ended[stream]}` });
  const result = withOwnMeaning(output.finish(ended), command.failureTexts);
  const { hasStalled } = stall;
  return { result, error: findRunError(result, { ...context, hasStalled, sawFailureMarker: watch.seen }) };
}

/** How long an executor may take to end a run after a timeout or abort. */
const GRACE_MS = 6_500;

/** The end of a run. An executor of the host that does not settle in time is not waited for. */
function settleInTime(
  execution: Promise<ExecutionResult>,
  { clock, remainingMs }: RunCommandOptions,
  signal: AbortSignal | undefined,
): Promise<ExecutionResult> {
  return new Promise((resolve, reject) => {
    const cancels: (() => void)[] = [];
    const onAbort = (): void => void cancels.push(clock.schedule(giveUp, GRACE_MS));
    const stopWaiting = (): void => {
      for (const cancel of cancels) cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (): void => {
      stopWaiting();
      resolve(toEmptyResult(signal?.aborted === true ? "aborted" : "timed-out"));
    };
    cancels.push(clock.schedule(giveUp, remainingMs + GRACE_MS));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    execution.then(resolve, reject).finally(stopWaiting);
  });
}
