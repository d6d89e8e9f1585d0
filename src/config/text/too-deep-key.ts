import { isObject } from "../../core/own-member.ts";
import type { Problem } from "./diagnostic.ts";
import { type LinkedPath, toKeyPath } from "./key-path.ts";

/** Finds a key nested too deep, without recursion: dotted keys can nest a hundred thousand levels. */
export function findTooDeepKey(value: unknown, maxDepth: number): Problem | undefined {
  if (isShallow(value, maxDepth, MAX_NESTED_ARRAYS)) return undefined;
  const waiting: NestedValue[] = [{ value, depth: 0, path: undefined, from: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: inner, depth, path, from } = next;
    if (Array.isArray(inner)) {
      // One element at a time, because a hostile array has hundreds of thousands.
      let step = from;
      while (step < inner.length && !isObject(inner[step])) step++;
      if (step === inner.length) continue;
      waiting.push({ value: inner, depth, path, from: step + 1 });
      waiting.push({ value: inner[step], depth, path: { step, parent: path }, from: 0 });
    } else if (isObject(inner)) {
      for (const step of Object.keys(inner)) {
        const member = inner[step];
        if (depth === maxDepth) return tooDeep(maxDepth, { step, parent: path });
        if (isObject(member))
          waiting.push({ value: member, depth: depth + 1, path: { step, parent: path }, from: 0 });
      }
    }
  }
  return undefined;
}

/** Depth up to which nested arrays are checked by recursion. */
const MAX_NESTED_ARRAYS = 4;

/**
 * Whether certainly nothing is nested too deep. This holds for almost every file, and is faster than finding
 * each place.
 */
function isShallow(value: unknown, keysLeft: number, arraysLeft: number): boolean {
  if (!isObject(value)) return true;
  if (Array.isArray(value)) {
    if (arraysLeft === 0) return false;
    for (const element of value) if (!isShallow(element, keysLeft, arraysLeft - 1)) return false;
    return true;
  }
  for (const key of Object.keys(value))
    if (keysLeft === 0 || !isShallow(value[key], keysLeft - 1, arraysLeft)) return false;
  return true;
}

interface NestedValue {
  readonly value: unknown;
  readonly depth: number;
  readonly path: LinkedPath | undefined;
  /** The element of an array that is looked at next. */
  readonly from: number;
}

function tooDeep(maxDepth: number, last: LinkedPath): Problem {
  const message = `Keys are nested more than ${maxDepth} deep`;
  return { code: "nesting-too-deep", severity: "error", message, path: toKeyPath(last), part: "key" };
}
