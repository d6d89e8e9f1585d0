import { lateImport } from "../core/late-import.ts";

// Node.js 20 has no Zstandard of its own.
const loadFzstd = lateImport(() => import("fzstd"));

/** The largest window that the `zstd` program takes without being asked to, in bytes. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
const MAGIC = 0xfd2fb528;
const LONGEST_HEADER = 14;

/** Decompresses Zstandard. @throws Error for what is none, or needs a window of more than 128 MiB */
export async function* decodeZstd(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const { Decompress } = await loadFzstd();
  let ready: Uint8Array[] = [];
  const decoder = new Decompress((piece) => ready.push(piece));
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of pieces) {
    let next: Uint8Array = piece;
    if (head !== undefined) {
      head = Buffer.concat([head, piece]);
      if (head.length < LONGEST_HEADER) continue;
      checkWindow(head);
      [next, head] = [head, undefined];
    }
    decoder.push(next);
    yield* ready;
    ready = [];
  }
  if (head !== undefined) decoder.push(head);
  decoder.push(new Uint8Array(), true);
  yield* ready;
}

/** The decoder makes room for the window that the first frame asks for. */
function checkWindow(head: Buffer): void {
  if (head.readUInt32LE(0) !== MAGIC) throw new Error("no Zstandard frame");
  const descriptor = head.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (isSingleSegment) {
    const sizes = [1, 2, 4, 8];
    const width = sizes[descriptor >> 6] ?? 8;
    const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
    const size = width === 8 ? head.readBigUInt64LE(at) : BigInt(head.readUIntLE(at, width));
    if (size > BigInt(MAX_WINDOW_BYTES)) throw new Error("the window is too large");
    return;
  }
  const window = head.readUInt8(5);
  const base = 2 ** (10 + (window >> 3));
  if (base + (base / 8) * (window & 7) > MAX_WINDOW_BYTES) throw new Error("the window is too large");
}
