import type { RunFailure } from "../execution/failure.ts";
import type { AnyCachesError } from "../registry/any-error.ts";
import { type BackoffBounds, computeDelay } from "./backoff.ts";
import type { WorkGroup } from "./work-group.ts";

/** When a lane tries again, and when it gives up. */
export interface RetryPolicy extends BackoffBounds {
  /** Attempts in a row without progress after which a path is given up. */
  readonly maxAttempts: number;
}

/** What is known of a failed attempt. */
export interface FailedAttempt {
  /** The paths that are not there. */
  readonly group: WorkGroup;
  readonly error: AnyCachesError;
  readonly failure: RunFailure;
  /** Whether the attempt brought other paths there. */
  readonly moved: boolean;
  /** When an attempt of the lane last brought a path there; absent if none has. */
  readonly lastMovedAt?: number | undefined;
  /** The present, in the clock's monotonic milliseconds. */
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
 * Decides what a failure means for its paths. What one path may have caused is looked for by halving, so that
 * it fails alone; what says something about the server is waited for.
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

/** The paths that the error names as the cause, where no other attempt would change that. */
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
  // Fewer paths at once fare better with a server that fails some requests, and halves are no repetition; a
  // server that is away fails them all.
  const splits = !failure.isWholeServer && !moved && group.size > 1;
  if (splits) return { givenUp: [], again: group.halves(group.attempts, now + delayMs) };
  if (attempts < policy.maxAttempts)
    return { givenUp: [], again: [group.only(group.paths, attempts, now + delayMs)] };
  return failure.isAnswered === true && group.size > 1 ? probe(attempt, now + delayMs) : giveUp(group);
}

/**
 * Before several paths are given up that a server refused, their halves are tried: it may refuse one path
 * only. As long as it takes others the search goes on; a half that is refused while nothing else is taken
 * waits once for its sibling, and then ends.
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
