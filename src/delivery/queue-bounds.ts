import type { PushQueueOptions } from "./queue-types.ts";

/** The numeric options of a queue, within their limits. Times are in milliseconds. */
export interface QueueBounds {
  readonly capacity: number;
  readonly concurrency: number;
  readonly lingerMs: number;
  readonly maxBatchPaths: number;
  readonly maxAttempts: number;
  readonly backoff: { readonly baseMs: number; readonly capMs: number };
  readonly deadlineMs: number;
  readonly leaseMs: number;
  readonly maxCrashes: number;
  readonly confirmedTtlMs: number;
}

const MAX = Number.MAX_SAFE_INTEGER;

/** Clamps options to their limits. Anything but a number means the default. */
export function toQueueBounds(options: PushQueueOptions): QueueBounds {
  return {
    capacity: clamp(options.capacity, 10_000, 1, MAX),
    concurrency: clamp(options.concurrency, 2, 1, 64),
    lingerMs: clamp(options.lingerMs, 20, 0, MAX),
    maxBatchPaths: clamp(options.maxBatchPaths, 400, 1, 400),
    maxAttempts: clamp(options.maxAttempts, 4, 1, MAX),
    backoff: {
      baseMs: clamp(options.backoff?.baseMs, 1_000, 0, MAX),
      capMs: clamp(options.backoff?.capMs, 60_000, 0, MAX),
    },
    deadlineMs: clamp(options.deadlineMs, 3_600_000, 1, MAX),
    leaseMs: clamp(options.leaseMs, 60_000, 30, 86_400_000),
    maxCrashes: clamp(options.maxCrashes, 5, 1, MAX),
    confirmedTtlMs: clamp(options.confirmedTtlMs, 0, 0, MAX),
  };
}

function clamp(value: number | undefined, preset: number, least: number, most: number): number {
  if (value === undefined || Number.isNaN(value)) return preset;
  return Math.floor(Math.min(Math.max(value, least), most));
}
