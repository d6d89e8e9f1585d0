import type { OutputChunk } from "./executor.ts";

/** Text of one stream, as it came. */
interface TailPiece {
  readonly stream: OutputChunk["stream"];
  readonly text: string;
  readonly bytes: number;
}

/** Pieces of one stream up to this size are kept as one. */
const MERGE_BYTES = 4_096;
/** Dropped pieces that are cleared away at a time. */
const COMPACT_AT = 1_024;

/**
 * Keeps the last bytes of two streams together, and drops what came before. Pieces may be of any size: each costs in proportion to its
 * own length.
 */
export class OutputTail {
  readonly #maxBytes: number;
  #pieces: TailPiece[] = [];
  /** How many of the pieces are dropped. */
  #dropped = 0;
  #size = 0;
  #truncated = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether anything was dropped. */
  get truncated(): boolean {
    return this.#truncated || this.#size > this.#maxBytes;
  }

  /** Takes a piece of output. */
  push({ stream, text }: OutputChunk): void {
    const bytes = Buffer.byteLength(text);
    const last = this.#pieces.at(-1);
    if (last?.stream === stream && last.bytes + bytes <= MERGE_BYTES && this.#pieces.length > this.#dropped)
      this.#pieces[this.#pieces.length - 1] = { stream, text: last.text + text, bytes: last.bytes + bytes };
    else this.#pieces.push({ stream, text, bytes });
    this.#size += bytes;
    this.#drop();
  }

  /** The kept text of one stream. */
  read(stream: OutputChunk["stream"]): string {
    const kept = this.#pieces.slice(this.#dropped);
    const [first] = kept;
    const surplus = this.#size - this.#maxBytes;
    const whole = kept.map((piece, index) =>
      index === 0 && surplus > 0 ? { ...piece, text: cutFront(piece.text, surplus) } : piece,
    );
    if (first === undefined) return "";
    return whole.flatMap((piece) => (piece.stream === stream ? [piece.text] : [])).join("");
  }

  /** Drops whole pieces; what is left may be too large by a part of the first, which is cut when it is read. */
  #drop(): void {
    for (
      let first = this.#pieces[this.#dropped];
      first !== undefined && this.#size - first.bytes >= this.#maxBytes;
      first = this.#pieces[this.#dropped]
    ) {
      this.#size -= first.bytes;
      this.#dropped++;
      this.#truncated = true;
    }
    this.#shrinkFirst();
    if (this.#dropped < COMPACT_AT) return;
    this.#pieces = this.#pieces.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** A piece far larger than what is kept is cut at once, so that the rest of it can be freed. */
  #shrinkFirst(): void {
    const first = this.#pieces[this.#dropped];
    const surplus = this.#size - this.#maxBytes;
    if (first === undefined || surplus <= MERGE_BYTES) return;
    const text = cutFront(first.text, surplus);
    const bytes = Buffer.byteLength(text);
    this.#pieces[this.#dropped] = { ...first, text, bytes };
    this.#size -= first.bytes - bytes;
    this.#truncated = true;
  }
}

/** Cuts at least so many bytes, and no character in two. The rest is copied, so that the whole can be freed. */
function cutFront(text: string, count: number): string {
  const bytes = Buffer.from(text);
  let start = Math.min(count, bytes.length);
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString();
}
