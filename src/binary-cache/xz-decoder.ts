import { ReadableStream } from "node:stream/web";
import { lateImport } from "../core/late-import.ts";

// Node.js has no LZMA. The package is WebAssembly without access to anything.
const loadXz = lateImport(() => import("xz-decompress"));

/** Decompresses xz. @throws Error for invalid input */
export async function* decodeXz(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  // Node.js finds no export names in this package's bundle.
  const { XzReadableStream } = (await loadXz()).default;
  const decoded = new XzReadableStream(ReadableStream.from(pieces));
  const reader = decoded.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
