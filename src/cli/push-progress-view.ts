import type { PushProgress } from "../index.ts";

/** Shows whoever waits how far a push is. */
export interface PushProgressView {
  update(progress: PushProgress): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}
