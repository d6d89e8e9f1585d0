import type { OutputChunk } from "./executor.ts";

/** Bytes of one stream that follow each other. */
interface Run {
  readonly stream: OutputChunk["stream"];
  bytes: number;
}

/** Bytes that are set aside at first. */
const FIRST_BYTES = 4_096;
/** How many dropped runs are removed at a time. */
const COMPACT_AT = 1_024;

/**
 * Keeps the last bytes of two streams together, and drops the rest. Pieces may have any size; each costs time
 * in proportion to its length. They are kept as bytes, because texts would move to the old generation of the
 * heap.
 */
export class OutputTail {
  readonly #maxBytes: number;
  /** Holds up to twice what is kept, so that making room costs no more than the new bytes. */
  #buffer = Buffer.alloc(0);
  /** Where the kept bytes end; they begin `#size` before. */
  #end = 0;
  #size = 0;
  #runs: Run[] = [];
  /** How many of the runs are dropped. */
  #droppedRuns = 0;
  #truncated = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether anything was dropped. */
  get truncated(): boolean {
    return this.#truncated;
  }

  /** Takes a piece of output. */
  push({ stream, text }: OutputChunk): void {
    if (text.length > this.#maxBytes) this.#truncated = true;
    // Each unit is at least one byte.
    const last = text.slice(-this.#maxBytes);
    let bytes = Buffer.byteLength(last);
    if (bytes <= this.#maxBytes) {
      this.#makeRoom(bytes);
      this.#buffer.write(last, this.#end);
    } else {
      const kept = Buffer.from(last).subarray(-this.#maxBytes);
      this.#truncated = true;
      bytes = kept.length;
      this.#makeRoom(bytes);
      kept.copy(this.#buffer, this.#end);
    }
    this.#end += bytes;
    this.#size += bytes;
    this.#addRun(stream, bytes);
    this.#drop();
  }

  /** The kept text of one stream. */
  read(stream: OutputChunk["stream"]): string {
    let text = "";
    let start = this.#end - this.#size;
    for (const run of this.#runs.slice(this.#droppedRuns)) {
      const bytes = this.#buffer.subarray(start, start + run.bytes);
      if (run.stream === stream) text += withoutCutCharacter(bytes).toString();
      start += run.bytes;
    }
    return text;
  }

  /** Makes room after the kept bytes. */
  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const kept = this.#buffer.subarray(this.#end - this.#size, this.#end);
    const needed = Math.max(FIRST_BYTES, 2 * (this.#size + bytes));
    const length = Math.min(2 * this.#maxBytes, needed);
    const buffer = length > this.#buffer.length ? Buffer.alloc(length) : this.#buffer;
    buffer.set(kept);
    this.#buffer = buffer;
    this.#end = this.#size;
  }

  #addRun(stream: OutputChunk["stream"], bytes: number): void {
    const last = this.#runs.at(-1);
    if (last?.stream === stream && this.#runs.length > this.#droppedRuns) last.bytes += bytes;
    else this.#runs.push({ stream, bytes });
  }

  #drop(): void {
    let surplus = this.#size - this.#maxBytes;
    if (surplus <= 0) return;
    this.#truncated = true;
    this.#size = this.#maxBytes;
    for (let first = this.#runs[this.#droppedRuns]; first !== undefined && surplus > 0; ) {
      const cut = Math.min(surplus, first.bytes);
      first.bytes -= cut;
      surplus -= cut;
      if (first.bytes > 0) break;
      first = this.#runs[++this.#droppedRuns];
    }
    if (this.#droppedRuns < COMPACT_AT) return;
    this.#runs = this.#runs.slice(this.#droppedRuns);
    this.#droppedRuns = 0;
  }
}

/** A run may now begin in the middle of a character. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
