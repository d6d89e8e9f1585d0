import type { OutputChunk } from "./executor.ts";

interface TailPiece {
  readonly stream: OutputChunk["stream"];
  readonly bytes: Buffer;
}

/** Keeps the last bytes of two streams together, and drops what came before. */
export class OutputTail {
  readonly #maxBytes: number;
  #pieces: TailPiece[] = [];
  #size = 0;
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
    const bytes = Buffer.from(text);
    this.#pieces.push({ stream, bytes });
    this.#size += bytes.length;
    while (this.#size > this.#maxBytes) this.#dropFromFirst();
  }

  /** The kept text of one stream. */
  read(stream: OutputChunk["stream"]): string {
    const pieces = this.#pieces.filter((piece) => piece.stream === stream);
    return Buffer.concat(pieces.map((piece) => piece.bytes)).toString();
  }

  #dropFromFirst(): void {
    const [first, ...rest] = this.#pieces;
    if (first === undefined) return;
    this.#truncated = true;
    const kept = cutFront(first.bytes, this.#size - this.#maxBytes);
    this.#size -= first.bytes.length - kept.length;
    this.#pieces = kept.length === 0 ? rest : [{ ...first, bytes: kept }, ...rest];
  }
}

/** Cuts at least so many bytes, and no character in two. The rest is copied, so that the whole can be freed. */
function cutFront(bytes: Buffer, count: number): Buffer {
  let start = Math.min(count, bytes.length);
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return Buffer.from(bytes.subarray(start));
}
