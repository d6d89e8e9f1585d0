import type { SystemdCredentialSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import type { FileStatus } from "../../host/file-system.ts";
import type { Runtime } from "../../host/runtime.ts";
import { toCredentialError } from "../file-errors.ts";
import { parseKeyValue } from "../key-value.ts";
import type { CredentialProvider } from "../provider.ts";

/** systemd's own limit for one credential. */
const MAX_BYTES = 1024 * 1024;

/**
 * A credential that systemd passes to the service as `$CREDENTIALS_DIRECTORY/<name>` (systemd.exec(5)). It is
 * read at each request, because a unit may refresh its credentials on reload.
 *
 * A correct file may have mode 0440 and owner root, because systemd grants access by an access list. So only
 * access by others, or write access by the group, is refused.
 */
export function createSystemdCredentialProvider(
  source: SystemdCredentialSource,
  runtime: Runtime,
): CredentialProvider {
  const { name, type } = source;
  return async () => {
    const path = `${findDirectory(source, runtime)}/${name}`;
    try {
      const content = await runtime.files.read(path, { maxBytes: MAX_BYTES, followSymbolicLink: false });
      refuseOpenFile(content, source);
      return { env: parseKeyValue(content.bytes, { sourceType: type, name: `credential ${name}` }) };
    } catch (error) {
      throw toCredentialError(error, type, `The credential ${name}`);
    }
  };
}

function findDirectory({ type }: SystemdCredentialSource, { env }: Runtime): string {
  const directory = env["CREDENTIALS_DIRECTORY"];
  if (directory === undefined || directory === "") {
    const message =
      "CREDENTIALS_DIRECTORY is not set; add LoadCredential= or LoadCredentialEncrypted= to the unit";
    throw new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", type, message);
  }
  const segments = directory.replace(/\/$/u, "").split("/").slice(1);
  if (!directory.startsWith("/") || segments.some((segment) => /^\.{0,2}$/u.test(segment))) {
    const message = "CREDENTIALS_DIRECTORY is not an absolute, normalized path";
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
  }
  return directory.replace(/\/$/u, "");
}

function refuseOpenFile({ mode }: FileStatus, { name, type }: SystemdCredentialSource): void {
  if ((mode & 0o026) === 0) return;
  const message = `The credential ${name} is open to other users`;
  throw new CredentialError("ERR_CREDENTIAL_INSECURE_FILE", type, message);
}
