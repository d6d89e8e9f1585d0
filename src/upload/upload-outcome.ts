import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import type { Closure } from "../commands/closure.ts";
import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { ReadBack } from "./read-back.ts";

/** The result of an upload. */
export interface UploadOutcome {
  /** The commands that staged. */
  readonly executions: readonly ExecutionResult[];
  /** The requested paths that are there. */
  readonly present: readonly string[];
  /** Those of them whose whole closure is there. */
  readonly complete: readonly string[];
  /** Why some are not complete; absent if all are. */
  readonly error?: PushError | undefined;
}

/** What is known at the end of an upload. */
export interface UploadEnd {
  readonly storePaths: readonly string[];
  readonly closure: Closure;
  readonly executions: readonly ExecutionResult[];
  /** Whether the cache has a path, as it says. */
  readonly isThere: (path: string) => boolean;
  /** Why paths could not be sent. */
  readonly failures: ReadonlyMap<string, PushError>;
  readonly seen: ReadBack;
  /** Why not everything was tried. */
  readonly cause?: PushError | undefined;
}

/** Computes the result of an upload: a path is complete if all its references are there. */
export function toOutcome(end: UploadEnd): UploadOutcome {
  const { storePaths, closure, executions, isThere, cause } = end;
  const reasons = findReasons(end);
  const complete = storePaths.filter((path) => closure.has(path) && !reasons.has(path));
  const present = storePaths.filter(isThere);
  if (complete.length === storePaths.length && cause === undefined) return { executions, present, complete };
  const incomplete = storePaths.filter((path) => !complete.includes(path));
  const error = toError(incomplete, reasons) ?? cause ?? toUnread(incomplete, end.seen);
  return { executions, present, complete, error };
}

/** Why each path is incomplete, if known. References come before the paths that refer to them. */
function findReasons({ closure, isThere, failures }: UploadEnd): ReadonlyMap<string, PushError | undefined> {
  const reasons = new Map<string, PushError | undefined>();
  for (const { path, references } of closure.values()) {
    const broken = references.filter((reference) => reasons.has(reference));
    if (isThere(path) && broken.length === 0) continue;
    const inherited = broken
      .map((reference) => reasons.get(reference))
      .find((reason) => reason !== undefined);
    reasons.set(path, failures.get(path) ?? inherited);
  }
  return reasons;
}

/** The first reason, for the paths that share it. */
function toError(
  incomplete: readonly string[],
  reasons: ReadonlyMap<string, PushError | undefined>,
): PushError | undefined {
  const first = incomplete.map((path) => reasons.get(path)).find((reason) => reason !== undefined);
  if (first === undefined) return undefined;
  const about = incomplete.filter((path) => reasons.get(path) === first);
  return first instanceof CacheAnswerError
    ? first.about(about)
    : new PushError(first.code, first.message, about);
}

function toUnread(incomplete: readonly string[], { unread }: ReadBack): PushError {
  const message = incomplete.every((path) => unread.has(path))
    ? "The cache accepted the paths, but they cannot be read back; give the credentials the right to read"
    : "The cache does not return what was uploaded";
  return new PushError("ERR_PUSH_UNVERIFIED", message, incomplete);
}
