import type { RunFailure } from "../execution/failure.ts";
import type { AnyCachesError } from "../registry/any-error.ts";
import { type BackoffBounds, computeDelay } from "./backoff.ts";
import type { WorkGroup } from "./work-group.ts";

/** When to retry, and when to give up. */
export interface RetryPolicy extends BackoffBounds {
  /** Attempts in a row without progress after which a path is given up. */
  readonly maxAttempts: number;
}

/** What is known about a failed attempt. */
export interface FailedAttempt {
  /** The missing paths. */
  readonly group: WorkGroup;
  readonly error: AnyCachesError;
  readonly failure: RunFailure;
  /** Whether the attempt pushed other paths. */
  readonly moved: boolean;
  /** When an attempt of the lane last pushed a path; absent if none has. */
  readonly lastMovedAt?: number | undefined;
  /** Now, in the clock's monotonic milliseconds. */
  readonly now: number;
  /** A random number from 0 to below 1. */
  readonly fraction: number;
}

/** What to do with the paths of a failed attempt. */
export interface NextStep {
  /** Paths that are given up. */
  readonly givenUp: readonly string[];
  /** What is tried again. */
  readonly again: readonly WorkGroup[];
}

/** An unknown failure is worth one more try. */
const UNKNOWN_ATTEMPTS = 2;

/**
 * Decides what a failure means for its paths. If one path may have caused it, halving finds that path, and it
 * fails alone. If the server caused it, the queue waits.
 */
export function planNext(attempt: FailedAttempt, policy: RetryPolicy): NextStep {
  const { group, failure, now } = attempt;
  const blamed = findBlamed(attempt);
  if (blamed.length > 0) {
    const others = group.paths.filter((path) => !blamed.includes(path));
    return { givenUp: blamed, again: others.length === 0 ? [] : [group.only(others, group.attempts, now)] };
  }
  switch (failure.failureClass) {
    case "permanent":
      if (failure.isWholeServer || group.size === 1) return giveUp(group);
      return { givenUp: [], again: group.halves(group.attempts, now) };
    case "unknown":
      if (group.size > 1) return { givenUp: [], again: group.halves(group.attempts, now) };
      return retry(attempt, { ...policy, maxAttempts: Math.min(policy.maxAttempts, UNKNOWN_ATTEMPTS) });
    case "credentials":
    case "transient":
      return retry(attempt, policy);
  }
}

/** The paths that the error names as its cause, if a retry would not help. */
function findBlamed({ group, error, failure }: FailedAttempt): readonly string[] {
  const named = "storePaths" in error ? error.storePaths : undefined;
  if (named === undefined || failure.failureClass !== "permanent") return [];
  const blamed = new Set(named);
  return group.paths.filter((path) => blamed.has(path));
}

function giveUp(group: WorkGroup): NextStep {
  return { givenUp: group.paths, again: [] };
}

function retry(attempt: FailedAttempt, policy: RetryPolicy): NextStep {
  const { group, failure, moved, now, fraction } = attempt;
  const attempts = moved ? 1 : group.attempts + 1;
  const delayMs = computeDelay(attempts, policy, fraction, failure.retryAfterMs);
  // With a server that fails some requests, fewer paths at once are more likely to succeed, and halves do not
  // count as a repetition. A server that is away fails them all.
  const splits = !failure.isWholeServer && !moved && group.size > 1;
  if (splits) return { givenUp: [], again: group.halves(group.attempts, now + delayMs) };
  if (attempts < policy.maxAttempts)
    return { givenUp: [], again: [group.only(group.paths, attempts, now + delayMs)] };
  return failure.isAnswered === true && group.size > 1 ? probe(attempt, now + delayMs) : giveUp(group);
}

/**
 * Before several refused paths are given up, their halves are tried, because the server may refuse only one
 * path. The search goes on as long as other paths succeed. A half that is refused while nothing else succeeds
 * waits once for its sibling, then ends.
 */
function probe({ group, now, lastMovedAt }: FailedAttempt, readyAt: number): NextStep {
  const fresh = { since: now, tries: 0 };
  if (group.probe === undefined) return { givenUp: [], again: group.halves(group.attempts, now, fresh) };
  const { since, tries } = group.probe;
  if (lastMovedAt !== undefined && lastMovedAt >= since)
    return { givenUp: [], again: group.halves(group.attempts, now, fresh) };
  if (tries > 0) return giveUp(group);
  return { givenUp: [], again: [group.only(group.paths, group.attempts, readyAt, { since, tries: 1 })] };
}
