import type { ExecutionOutcome, ExecutionResult } from "./executor.ts";

/** The result of a command that was not run. */
export function toEmptyResult(outcome: ExecutionOutcome): ExecutionResult {
  return { outcome, exitCode: null, signal: null, durationMs: 0, stdout: "", stderr: "", truncated: false };
}
