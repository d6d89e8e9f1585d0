import type { OutputChunk } from "./executor.ts";

/**
 * Looks for texts in a command's whole output, also in what an executor no longer keeps, and wherever its
 * pieces are cut.
 */
export class MarkerWatch {
  readonly #markers: readonly string[];
  readonly #carry = { stdout: "", stderr: "" };
  #seen = false;

  constructor(markers: readonly string[]) {
    this.#markers = markers;
  }

  /** Whether one of the texts was there. */
  get seen(): boolean {
    return this.#seen;
  }

  /** Takes a piece of output. */
  push({ stream, text }: OutputChunk): void {
    if (this.#seen || this.#markers.length === 0) return;
    const window = this.#carry[stream] + text;
    this.#seen = this.#markers.some((marker) => window.includes(marker));
    this.#carry[stream] = window.slice(-Math.max(...this.#markers.map((marker) => marker.length)));
  }
}
