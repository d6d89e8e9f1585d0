import type { Clock } from "./runtime.ts";

/** Waits for some milliseconds, or until a signal aborts. It never rejects. */
export function sleep(delayMs: number, signal: AbortSignal | undefined, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(end, delayMs);
    signal?.addEventListener("abort", end, { once: true });
  });
}
