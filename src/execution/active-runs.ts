/** A run that would outlive the host. */
export interface ActiveRun {
  /** Removes its private directory before it returns. */
  readonly removeNow: () => void;
  /** Leader of its process group, once it has started. */
  pid?: number | undefined;
}

const active = new Set<ActiveRun>();

/**
 * Remembers a run until the returned function is called. Children lead their own process groups, so they
 * would outlive the host, and their secrets would stay. When the host exits, both are removed. If the host is
 * killed, the next process removes what is left.
 */
export function trackRun(run: ActiveRun): () => void {
  if (active.size === 0) process.on("exit", endAll);
  active.add(run);
  return () => {
    active.delete(run);
    if (active.size === 0) process.off("exit", endAll);
  };
}

function endAll(): void {
  for (const { pid } of active) if (pid !== undefined) killGroup(pid);
  for (const { removeNow } of active) removeNow();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
