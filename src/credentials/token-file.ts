import type { Runtime } from "../host/runtime.ts";
import { toCredentialError } from "./file-errors.ts";
import { checkFilePermissions } from "./file-permissions.ts";

const MAX_BYTES = 64 * 1024;

/** The owner of the token in a file. */
export interface TokenFileOptions {
  readonly sourceType: string;
  /** The name of the file in messages. */
  readonly what: string;
  /** Whether others must not be able to read it; for a token in a pod, its mount decides that. */
  readonly isPrivate: boolean;
}

/**
 * Reads a token from a file each time, because an agent may replace it.
 *
 * @throws {@link CredentialError} as for any credential file
 */
export async function readTokenFile(
  path: string,
  runtime: Runtime,
  { sourceType, what, isPrivate }: TokenFileOptions,
): Promise<string> {
  try {
    const content = await runtime.files.read(path, { maxBytes: MAX_BYTES });
    if (isPrivate) await checkFilePermissions(path, content, runtime, sourceType);
    return new TextDecoder().decode(content.bytes).trim();
  } catch (error) {
    throw toCredentialError(error, sourceType, what);
  }
}
