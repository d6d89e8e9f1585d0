import type { OutputChunk } from "./executor.ts";

/**
 * Searches a command's whole output for texts, including what an executor no longer keeps, wherever pieces
 * are cut.
 */
export class MarkerWatch {
  readonly #markers: readonly string[];
  readonly #carry = { stdout: "", stderr: "" };
  #seen = false;

  constructor(markers: readonly string[]) {
    this.#markers = markers;
  }

  /** Whether one of the texts was found. */
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
