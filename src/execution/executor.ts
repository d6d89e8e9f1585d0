import type { CommandSpec } from "../commands/command.ts";
import type { FailureMeaning } from "../core/cloud-codes.ts";

/**
 * Runs commands. The default is {@link createProcessExecutor}; a host may run them on another machine
 * instead.
 *
 * An executor resolves for every command that it started, however it ended, and for one that was aborted
 * before. It rejects with a {@link CommandError} only if a command could not start. `describeExecutor` of the
 * testing entry tests this contract.
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
   * Whether commands run on this machine and share its files; default false. Without it, paths are not
   * uploaded directly.
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
  /** Timeout in milliseconds, at least 1; default 300 000. */
  readonly timeoutMs?: number | undefined;
  /** Aborts the run; the promise then resolves with the outcome `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the output as it arrives, with secrets already redacted. */
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
}

/**
 * A piece of a command's output.
 *
 * @public
 */
export interface OutputChunk {
  /** The stream it came from. */
  readonly stream: "stdout" | "stderr";
  /** Decoded text with secrets redacted; it may be cut anywhere. */
  readonly text: string;
}

/**
 * How a run ended. It `succeeded` only with exit code 0, if it was not ended from outside.
 *
 * @public
 */
export type ExecutionOutcome = "succeeded" | "failed" | "timed-out" | "aborted";

/**
 * The result of a run.
 *
 * @public
 */
export interface ExecutionResult {
  /** How it ended. */
  readonly outcome: ExecutionOutcome;
  /** Exit code; null if a signal ended it or it never started. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, as in `SIGKILL`; null if none did. */
  readonly signal: string | null;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  /** The end of the standard output, with secrets redacted. Both streams together have at most 64 KiB. */
  readonly stdout: string;
  /** The end of the standard error, with secrets redacted. */
  readonly stderr: string;
  /** Whether earlier output was dropped. */
  readonly truncated: boolean;
  /**
   * The answer of the cache when it was asked for the reason, such as `PUT nix-cache-info: HTTP error 403`;
   * absent if the run tells. An executor does not set it.
   */
  readonly followUp?: string | undefined;
  /**
   * What the failure means, by the texts of the cache type; absent if none matches. An executor does not set
   * it.
   */
  readonly meaning?: FailureMeaning | undefined;
}
