import type { CommandSpec } from "../commands/command.ts";
import type { FailureMeaning } from "../core/cloud-codes.ts";

/**
 * Runs commands. The default is {@link createProcessExecutor}; a host may run them on another machine
 * instead.
 *
 * An executor resolves for every command that it started, however it ended, and for one aborted before; it
 * rejects with a {@link CommandError} only for a command that could not start. `describeExecutor` of the
 * testing entry point tells whether an implementation keeps this contract.
 *
 * @example
 * ```ts
 * const quiet: Executor = { execute: (command, options) => executor.execute(command, { ...options, onOutput: undefined }) };
 * ```
 *
 * @public
 */
export interface Executor {
  /**
   * Whether commands run on this machine, so that what one writes at an absolute path is there for this
   * process, and the other way round; default false. Without it paths are not uploaded directly.
   */
  readonly sharesDisk?: boolean | undefined;
  /**
   * Runs one command to its end.
   *
   * @throws {@link CommandError} `ERR_COMMAND_NOT_FOUND`, `ERR_COMMAND_INVALID`
   */
  execute(command: CommandSpec, options?: ExecuteOptions): Promise<ExecutionResult>;
}

/**
 * Options of {@link Executor.execute}.
 *
 * @example
 * ```ts
 * const options: ExecuteOptions = { timeoutMs: 60_000, onOutput: ({ text }) => log(text) };
 * ```
 *
 * @public
 */
export interface ExecuteOptions {
  /** Longest run in milliseconds, at least 1; default 300 000. */
  readonly timeoutMs?: number | undefined;
  /** Ends the run; the promise then resolves with the outcome `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the output as it comes, secrets already redacted. */
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
}

/**
 * A piece of a command's output.
 *
 * @public
 */
export interface OutputChunk {
  /** Which of the two streams it came on. */
  readonly stream: "stdout" | "stderr";
  /** Decoded text with secrets redacted; cut anywhere. */
  readonly text: string;
}

/**
 * How a run ended. Only exit code 0 of a run that nobody ended is `succeeded`.
 *
 * @public
 */
export type ExecutionOutcome = "succeeded" | "failed" | "timed-out" | "aborted";

/**
 * What is known of a run that ended.
 *
 * @public
 */
export interface ExecutionResult {
  /** How it ended. */
  readonly outcome: ExecutionOutcome;
  /** Exit code; null if a signal ended it, or it never started. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, as in `SIGKILL`; null if none did. */
  readonly signal: string | null;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  /** The last of the standard output, secrets redacted. Both streams together hold at most 64 KiB. */
  readonly stdout: string;
  /** The last of the standard error, secrets redacted. */
  readonly stderr: string;
  /** Whether earlier output was dropped. */
  readonly truncated: boolean;
  /**
   * What a cache answered when it was asked why, as in `PUT nix-cache-info: HTTP error 403`; absent where the
   * run tells. An executor leaves it out.
   */
  readonly followUp?: string | undefined;
  /**
   * What the failure means, by the texts of the cache's own type; absent where none of them tells. An
   * executor leaves it out.
   */
  readonly meaning?: FailureMeaning | undefined;
}
