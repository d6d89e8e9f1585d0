import type { IncomingMessage } from "node:http";
import { HttpError } from "../core/errors.ts";
import type { HttpRequest, HttpResponse } from "./http-client.ts";
import { saveBody } from "./save-body.ts";

/** How many bytes are read of an unsuccessful answer to a download. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * Reads a whole answer. A successful body is saved into a file if the request names one.
 *
 * @throws {@link HttpError} `ERR_HTTP_UNREACHABLE`, `ERR_HTTP_TOO_LARGE`, `ERR_HTTP_INVALID`
 */
export async function readAnswer(incoming: IncomingMessage, request: HttpRequest): Promise<HttpResponse> {
  const { statusCode: status = 0 } = incoming;
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const),
  );
  const { saveTo, maxBytes } = request;
  if (saveTo === undefined) {
    const body = await gather(readPieces(incoming, request, maxBytes, () => tooLarge(request)));
    return { status, headers, body };
  }
  if (status >= 200 && status < 300) {
    const pieces = readPieces(incoming, request, maxBytes, () => tooLarge(request));
    const savedBytes = await saveBody(pieces, saveTo, request.onSaved);
    return { status, headers, body: new Uint8Array(), savedBytes };
  }
  // A refusal is smaller than the download. If it is longer than this, its beginning is enough.
  const body = await gather(readPieces(incoming, request, MAX_REFUSAL_BYTES, () => undefined));
  return { status, headers, body };
}

/**
 * The pieces of an answer up to a bound. @param toExcess - the error for what is longer; nothing leaves the
 * rest unread
 */
async function* readPieces(
  incoming: IncomingMessage,
  request: HttpRequest,
  maxBytes: number,
  toExcess: () => HttpError | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  try {
    for await (const piece of incoming) {
      size += piece.length;
      if (size > maxBytes) break;
      yield piece;
    }
  } catch (error) {
    throw unreachable(request, error);
  }
  const excess = size > maxBytes ? toExcess() : undefined;
  if (excess !== undefined) throw excess;
}

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(piece);
  return Buffer.concat(chunks);
}

function tooLarge(request: HttpRequest): HttpError {
  const message = `The answer of ${toOrigin(request)} exceeds ${request.maxBytes} bytes`;
  return new HttpError("ERR_HTTP_TOO_LARGE", message);
}

/** The error of a server that gives no answer, or not a complete one. */
export function unreachable(request: HttpRequest, error: unknown): HttpError {
  const systemCode = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const message = `${toOrigin(request)} gave no complete answer${systemCode === undefined ? "" : ` (${systemCode})`}`;
  return new HttpError("ERR_HTTP_UNREACHABLE", message, systemCode);
}

function toOrigin({ url }: HttpRequest): string {
  return new URL(url).origin;
}
