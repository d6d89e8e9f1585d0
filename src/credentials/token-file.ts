import type { Runtime } from "../host/runtime.ts";
import { toCredentialError } from "./file-errors.ts";
import { checkFilePermissions } from "./file-permissions.ts";

const MAX_BYTES = 64 * 1024;

/** Whose token a file holds. */
export interface TokenFileOptions {
  readonly sourceType: string;
  /** What the file is called in messages. */
  readonly what: string;
  /** Whether others must not be able to read it; whoever mounts a token into a pod decides that alone. */
  readonly isPrivate: boolean;
}

/**
 * Reads a token from a file that an agent replaces, so that it is read anew each time.
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
