/**
 * Waits until all have ended, even if one fails.
 *
 * @throws the error of the first in the list that failed
 */
export async function settleAll<T>(tasks: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}
