import type { PushProgress } from "../index.ts";

/** Shows the progress of a push. */
export interface PushProgressView {
  update(progress: PushProgress): void;
  /** Restores the terminal. */
  stop(): void;
}
