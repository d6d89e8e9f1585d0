import { open } from "node:fs/promises";
import { HttpError } from "../core/errors.ts";

/**
 * Writes the pieces of a body into a file. Each is written before the next one is read.
 *
 * @param path - absolute path; an existing file is replaced
 * @param onSaved - told of each piece, in bytes
 * @returns how many bytes there are
 * @throws {@link HttpError} `ERR_HTTP_INVALID` if the file cannot be written
 */
export async function saveBody(
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  onSaved: ((bytes: number) => void) | undefined,
): Promise<number> {
  await using file = await open(path, "w", 0o600).catch(toUnwritable);
  let saved = 0;
  for await (const piece of pieces) {
    await file.writeFile(piece).catch(toUnwritable);
    saved += piece.length;
    onSaved?.(piece.length);
  }
  return saved;
}

function toUnwritable(error: unknown): never {
  const systemCode = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const message = "The answer cannot be saved into its file; check that the directory exists and has room";
  throw new HttpError("ERR_HTTP_INVALID", message, systemCode);
}
