import { CredentialError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import type { FileStatus } from "../host/file-system.ts";
import type { Runtime } from "../host/runtime.ts";
import { listDirectories } from "./directory-walk.ts";

const OTHERS_ANY = 0o007;
const OTHERS_WRITE = 0o002;
const GROUP_READ = 0o040;
const GROUP_WRITE = 0o020;
const STICKY = 0o1000;

/**
 * Refuses a credential file that somebody else can read or change. The file must belong to this user or root.
 * Others may not access it, and the group may read it only if root owns it. No directory on the way, along
 * every link, may be writable by everybody. The rule for owner and group is that of PostgreSQL's TLS keys
 * ("SSL Server File Usage").
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_INSECURE_FILE`
 */
export async function checkFilePermissions(
  path: string,
  status: FileStatus,
  runtime: Runtime,
  sourceType: string,
): Promise<void> {
  const insecure = (message: string): CredentialError =>
    new CredentialError("ERR_CREDENTIAL_INSECURE_FILE", sourceType, message);
  const problem = findFileProblem(status, runtime.user.uid);
  if (problem !== undefined) {
    throw insecure(
      `${quoteName(path, 512)} ${problem}; run chmod 600 on it and chown it to the server's user`,
    );
  }
  for (const directory of await listDirectories(path, runtime.files)) {
    const { mode } = await runtime.files.status(directory);
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) {
      throw insecure(
        `${quoteName(path, 512)} lies under ${quoteName(directory, 512)}, which everyone may write to`,
      );
    }
  }
}

function findFileProblem({ mode, uid }: FileStatus, self: number | undefined): string | undefined {
  if (self !== undefined && uid !== self && uid !== 0) return "belongs to another user";
  if ((mode & OTHERS_ANY) !== 0) return "is open to every user";
  if ((mode & GROUP_WRITE) !== 0) return "may be changed by its group";
  if ((mode & GROUP_READ) !== 0 && uid !== 0) return "may be read by its group";
  return undefined;
}
