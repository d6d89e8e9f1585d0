/** Bounds of one command's paths. */
const MAX_PATHS = 400;
const MAX_BYTES = 100_000;

/**
 * Splits store paths into batches that fit on any command line: at most 400 paths and 100 000 bytes each,
 * well below the smallest limit in use (1 MiB with the environment, on macOS). The order is kept.
 *
 * @param storePaths - checked store paths
 */
export function batchStorePaths(storePaths: readonly string[]): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let bytes = 0;
  for (const path of storePaths) {
    const size = path.length + 1;
    if (batch.length === MAX_PATHS || bytes + size > MAX_BYTES || batches.length === 0) {
      batch = [];
      bytes = 0;
      batches.push(batch);
    }
    batch.push(path);
    bytes += size;
  }
  return batches;
}
