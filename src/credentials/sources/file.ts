import type { FileSource } from "../../core/credential-source.ts";
import type { Runtime } from "../../host/runtime.ts";
import { toCredentialError } from "../file-errors.ts";
import { checkFilePermissions } from "../file-permissions.ts";
import { parseKeyValue } from "../key-value.ts";
import type { CredentialProvider } from "../provider.ts";

const MAX_BYTES = 64 * 1024;

/**
 * A file of `KEY=VALUE` lines, at most 64 KiB. Symbolic links are followed, because secret managers use them.
 * The rules of permissions apply to the target.
 */
export function createFileProvider(source: FileSource, runtime: Runtime): CredentialProvider {
  const { path, filePermissions, type } = source;
  return async () => {
    try {
      const content = await runtime.files.read(path, { maxBytes: MAX_BYTES });
      if (filePermissions === "strict") await checkFilePermissions(path, content, runtime, type);
      return { env: parseKeyValue(content.bytes, { sourceType: type, name: path }) };
    } catch (error) {
      throw toCredentialError(error, type, "The credential file");
    }
  };
}
