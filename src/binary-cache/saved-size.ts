import { writeFile } from "node:fs/promises";
import type { HttpResponse } from "../host/http-client.ts";

/** The size of what was saved. A client of the host without `saveTo` has it in memory. */
export async function toSavedSize({ body, savedBytes }: HttpResponse, path: string): Promise<number> {
  if (savedBytes !== undefined) return savedBytes;
  await writeFile(path, body, { mode: 0o600 });
  return body.length;
}
