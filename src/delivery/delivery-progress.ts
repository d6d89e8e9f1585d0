import { isObject, readMember } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import type { AnyCachesError } from "../registry/any-error.ts";
import type { SkippedPath } from "../registry/push-types.ts";
import { readSkippedPaths } from "./read-skipped-paths.ts";
import { readStoredError, toStoredError } from "./stored-error.ts";

/** What the attempts of a delivery leave for the next one. */
export interface DeliveryProgress {
  /** The paths that are still to be pushed. */
  readonly remaining: readonly string[];
  /** The paths that were given up. */
  readonly failed: readonly string[];
  /** The paths that the cache leaves to an upstream. */
  readonly upstream: readonly string[];
  /** The paths that rules of the cache leave out. */
  readonly skipped: readonly SkippedPath[];
  /** Why the first of them was given up; absent if none was. */
  readonly error?: AnyCachesError | undefined;
  /** Attempts in a row without progress. */
  readonly attempts: number;
  /** Maximum number of paths of a command with its paths; absent if not limited. */
  readonly limit?: number | undefined;
}

/** Writes progress for a journal. */
export function writeProgress(progress: DeliveryProgress): string {
  const { error } = progress;
  return JSON.stringify({ ...progress, error: error === undefined ? undefined : toStoredError(error) });
}

/**
 * Reads progress from a journal.
 *
 * @param asked - the paths of the request; no others count
 * @returns nothing for an invalid text, so that the delivery starts anew
 */
export function readProgress(text: string, asked: readonly string[]): DeliveryProgress | undefined {
  const own = new Set(asked);
  const stored = parseJson(text);
  if (!isObject(stored)) return undefined;
  const remaining = readPaths(readMember(stored, "remaining"), asked);
  const failed = readPaths(readMember(stored, "failed"), asked);
  const attempts = readCount(readMember(stored, "attempts"));
  const error = readMember(stored, "error");
  if (remaining === undefined || failed === undefined || attempts === undefined) return undefined;
  return {
    remaining,
    failed,
    upstream: readPaths(readMember(stored, "upstream"), asked) ?? [],
    skipped: readSkippedPaths(readMember(stored, "skipped")).filter(({ path }) => own.has(path)),
    attempts,
    error: isObject(error) ? readStoredError(error) : undefined,
    limit: readCount(readMember(stored, "limit")),
  };
}

function readPaths(value: unknown, asked: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const known = new Set(asked);
  const paths = value.filter((path) => typeof path === "string" && known.has(path));
  return paths.length === value.length ? paths : undefined;
}

function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
