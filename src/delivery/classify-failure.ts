import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { classifyAnswer, classifyRun, type RunFailure } from "../execution/failure.ts";
import type { AnyCachesError } from "../registry/any-error.ts";

const LATER: RunFailure = { failureClass: "transient", isWholeServer: true };
const NEVER: RunFailure = { failureClass: "permanent", isWholeServer: false };
const NEVER_FOR_ANY: RunFailure = { failureClass: "permanent", isWholeServer: true };

/**
 * Classifies a failed push for a retry: by the error's code if that decides, else by the output of the last
 * command.
 */
export function classifyFailure(error: AnyCachesError, lastRun: ExecutionResult | undefined): RunFailure {
  if (error instanceof CacheAnswerError) return classifyAnswer(error.answer);
  switch (error.code) {
    case "ERR_CREDENTIAL_UNREACHABLE":
    case "ERR_CREDENTIAL_UNAVAILABLE":
      return LATER;
    case "ERR_CREDENTIAL_RATE_LIMITED":
      return { ...LATER, retryAfterMs: "retryAfterMs" in error ? error.retryAfterMs : undefined };
    case "ERR_CREDENTIAL_EXPIRED":
      return { failureClass: "credentials", isWholeServer: true };
    // A shortage of the host passes; nothing was attempted.
    case "ERR_HOST_EXHAUSTED":
      return LATER;
    // A failing sink belongs to the host, and may recover.
    case "ERR_AUDIT_FAILED":
    case "ERR_GC_ROOT_FAILED":
      return LATER;
    case "ERR_PUSH_STALLED":
    case "ERR_PUSH_TIMEOUT":
      return { failureClass: "transient", isWholeServer: false };
    // A part of a push must not pass a rule that the whole breaks, so it is not halved.
    case "ERR_CLOSURE_UNKNOWN":
      return LATER;
    // The path may still be on its way to the source, or the source may be away.
    case "ERR_PROMOTION_SOURCE":
      return { failureClass: "transient", isWholeServer: false };
    case "ERR_PUSH_UNVERIFIED":
      return { failureClass: "unknown", isWholeServer: false };
    case "ERR_PUSH_FAILED":
      return lastRun === undefined ? { failureClass: "unknown", isWholeServer: true } : classifyRun(lastRun);
    case "ERR_STORE_PATH_NOT_VALID":
    case "ERR_STORE_PATH_INVALID":
    case "ERR_SIGNATURE_MISSING":
    case "ERR_PROMOTION_CORRUPT":
    case "ERR_CLOSURE_REFUSED":
      return NEVER;
    default:
      return NEVER_FOR_ANY;
  }
}
