/** Keeps a promise in a set until it settles. */
export function trackPromise<T>(set: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  set.add(promise);
  const forget = (): void => void set.delete(promise);
  promise.then(forget, forget);
  return promise;
}
