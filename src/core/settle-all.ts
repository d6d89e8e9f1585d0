/**
 * Waits until all have ended, also where one fails.
 *
 * @throws what the first of them fails of, in their order
 */
export async function settleAll<T>(tasks: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}
