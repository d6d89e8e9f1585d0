import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { HttpFileBody } from "../host/http-client.ts";

/** The SHA-256 of a part of a file, in hexadecimal. */
export async function hashFile({ path, start = 0, size }: HttpFileBody): Promise<string> {
  const hash = createHash("sha256");
  if (size > 0) await pipeline(createReadStream(path, { start, end: start + size - 1 }), hash);
  return hash.digest("hex");
}
