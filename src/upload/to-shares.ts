import type { Registration } from "../commands/closure.ts";

/** Maximum number of paths of a share; each has several files in one directory. */
const MAX_PATHS = 2_000;

/**
 * Splits paths into shares of a bounded size, in order. A larger path is a share of its own.
 *
 * @param maxBytes - maximum number of bytes of NARs in a share
 */
export function toShares(
  paths: readonly Registration[],
  maxBytes: number,
): readonly (readonly Registration[])[] {
  const shares: Registration[][] = [];
  let bytes = 0;
  for (const path of paths) {
    const last = shares.at(-1);
    if (last === undefined || bytes + path.narSize > maxBytes || last.length === MAX_PATHS) {
      shares.push([path]);
      bytes = path.narSize;
    } else {
      last.push(path);
      bytes += path.narSize;
    }
  }
  return shares;
}
