import { rmSync } from "node:fs";

/** A run that would outlive the host. */
export interface ActiveRun {
  /** Absolute path of its private directory. */
  readonly directory: string;
  /** Leader of its process group, once it has started. */
  pid?: number | undefined;
}

const active = new Set<ActiveRun>();

/**
 * Remembers a run until the returned function is called. Children lead groups of their own, so they would go on after the
 * host has ended, and their secrets would stay on the disk: when the host exits, both are removed. A host that is killed by
 * a signal it does not handle gets no such chance.
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
  for (const { directory } of active) removeDirectory(directory);
}

function removeDirectory(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    // What one tool has made unremovable must not keep the others' secrets on the disk; nobody is left to be told.
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
