import type { ClientRequest } from "node:http";
import { HttpError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import type { HttpFileBody } from "./http-client.ts";

/** How much of a file is read at a time. */
const PIECE_BYTES = 128 * 1024;

const loadFiles = lateImport(() => import("node:fs/promises"));
const loadStreams = lateImport(() => import("node:stream/promises"));

/** How much of a file was not yet passed to the connection. */
export interface Unsent {
  bytes: number;
}

/**
 * Sends a part of a file as the body of a request: a small one at once, a large one in pieces. The request
 * itself reports a broken connection.
 *
 * @param onUploaded - called for each piece that the connection has taken
 * @throws {@link HttpError} `ERR_HTTP_INVALID` for a file that cannot be read
 */
export async function sendFile(
  outgoing: ClientRequest,
  body: HttpFileBody,
  unsent: Unsent,
  onUploaded: ((bytes: number) => void) | undefined,
): Promise<void> {
  if (body.size <= PIECE_BYTES) {
    const content = await readPart(body);
    unsent.bytes = 0;
    outgoing.end(content, () => onUploaded?.(content.length));
    return;
  }
  const { path, start = 0, size } = body;
  const file = await openFile(path);
  const pieces = file.createReadStream({ start, end: start + size - 1, highWaterMark: PIECE_BYTES });
  const count = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    for await (const piece of source) {
      unsent.bytes -= piece.length;
      yield piece;
      // The next piece is read when the connection has taken this one.
      onUploaded?.(piece.length);
    }
  };
  const { pipeline } = await loadStreams();
  await pipeline(pieces, count, outgoing).catch(() => undefined);
}

async function openFile(path: string) {
  const { open } = await loadFiles();
  return open(path).catch(() => {
    throw new HttpError("ERR_HTTP_INVALID", "The file that is to be sent cannot be read");
  });
}

async function readPart({ path, start = 0, size }: HttpFileBody): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const content = Buffer.alloc(size);
    const { bytesRead } = await file.read(content, 0, size, start);
    if (bytesRead === size) return content;
    throw new HttpError("ERR_HTTP_INVALID", "The file that is to be sent is shorter than it was");
  } finally {
    await file.close();
  }
}
