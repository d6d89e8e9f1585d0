import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "./executor.ts";
import { summarizeFailure } from "./failure-summary.ts";

/** What is known about a run besides its result. */
export interface RunContext {
  /** The executable's name. */
  readonly tool: string;
  /** Its timeout, in milliseconds. */
  readonly timeoutMs: number;
  /** How long it was allowed to make no progress, in milliseconds. */
  readonly stallTimeoutMs?: number | undefined;
  /** Whether it was ended because it made none. */
  readonly hasStalled: boolean;
  /** Whether its output contained a text that means failure. */
  readonly sawFailureMarker: boolean;
}

/**
 * Returns why a run failed, or nothing if it succeeded. Success is exit code 0 of a run that was not ended
 * from outside.
 */
export function findRunError(result: ExecutionResult, context: RunContext): PushError | undefined {
  const { tool, timeoutMs, sawFailureMarker } = context;
  switch (result.outcome) {
    case "timed-out":
      return new PushError(
        "ERR_PUSH_TIMEOUT",
        `Hook execution timed out after ${Math.round(timeoutMs / 1000)} seconds`,
      );
    case "aborted":
      if (context.hasStalled) return toStalled(tool, context.stallTimeoutMs);
      return new PushError("ERR_PUSH_ABORTED", `${tool} was aborted`);
    case "failed":
      return new PushError("ERR_PUSH_FAILED", `${tool} ${describeEnd(result)}${summarizeFailure(result)}`);
    case "succeeded":
      if (result.exitCode !== 0 || result.signal !== null) {
        return new PushError(
          "ERR_PUSH_FAILED",
          `${tool} was reported as successful, but ${describeEnd(result)}`,
        );
      }
      if (!sawFailureMarker) return undefined;
      return new PushError(
        "ERR_PUSH_FAILED",
        `${tool} exited with code 0 but skipped paths${summarizeFailure(result)}`,
      );
    default:
      // An executor of the host may return anything; an unknown outcome is not success.
      return new PushError("ERR_PUSH_FAILED", `${tool} ended in an unknown way`);
  }
}

/** The error of something that was ended because it made no progress. */
export function toStalled(what: string, stallTimeoutMs = 0): PushError {
  const seconds = Math.round(stallTimeoutMs / 1000);
  return new PushError("ERR_PUSH_STALLED", `${what} made no progress for ${seconds} seconds and was ended`);
}

function describeEnd({ exitCode, signal }: ExecutionResult): string {
  return signal === null ? `exited with code ${exitCode ?? "unknown"}` : `was ended by ${signal}`;
}
