/**
 * Calls a listener of the host without waiting for it. If it throws or rejects, `onError` is called, and
 * nothing else happens.
 */
export function callListener<Argument>(
  listener: (argument: Argument) => unknown,
  argument: Argument,
  onError: () => void,
): void {
  try {
    const result = listener(argument);
    if (isThenable(result)) result.then(undefined, onError);
  } catch {
    onError();
  }
}

/**
 * Returns a function that calls a listener until it fails. Then `onError` is called once, and the listener is
 * not called again.
 */
export function untilItFails<Argument>(
  listener: (argument: Argument) => unknown,
  onError: () => void,
): (argument: Argument) => void {
  let listening = true;
  const stop = (): void => {
    if (listening) onError();
    listening = false;
  };
  return (argument) => {
    if (listening) callListener(listener, argument, stop);
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
