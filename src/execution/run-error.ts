import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "./executor.ts";
import { summarizeFailure } from "./failure-summary.ts";

/** What else is known of a run besides its result. */
export interface RunContext {
  /** The executable's name. */
  readonly tool: string;
  /** How long it was given, in milliseconds. */
  readonly timeoutMs: number;
  /** How long it may have made no progress, in milliseconds. */
  readonly stallTimeoutMs?: number | undefined;
  /** Whether it was ended since it made none. */
  readonly hasStalled: boolean;
  /** Whether its output held a text that means failure. */
  readonly sawFailureMarker: boolean;
}

/**
 * Says why a run did not succeed, or nothing if it did. Only exit code 0 of a run that nobody ended is
 * success.
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
          `${tool} was reported as succeeded, but ${describeEnd(result)}`,
        );
      }
      if (!sawFailureMarker) return undefined;
      return new PushError(
        "ERR_PUSH_FAILED",
        `${tool} exited with code 0 but skipped paths${summarizeFailure(result)}`,
      );
    default:
      // An executor of the host's own may say anything; what is not known is not success.
      return new PushError("ERR_PUSH_FAILED", `${tool} ended in a way that is not known`);
  }
}

/** What it means that something was ended since it made no progress. */
export function toStalled(what: string, stallTimeoutMs = 0): PushError {
  const seconds = Math.round(stallTimeoutMs / 1000);
  return new PushError("ERR_PUSH_STALLED", `${what} made no progress for ${seconds} seconds and was ended`);
}

function describeEnd({ exitCode, signal }: ExecutionResult): string {
  return signal === null ? `exited with code ${exitCode ?? "unknown"}` : `was ended by ${signal}`;
}
