import type { Stats } from "node:fs";
import {
  access,
  constants,
  type FileHandle,
  lstat,
  open,
  opendir,
  readlink,
  realpath,
  stat,
} from "node:fs/promises";
import type { ErrorCodes } from "../core/error-codes.ts";
import { FileError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import type { FileContent, FileStatus, FileSystem, ReadFileOptions } from "./file-system.ts";

const CODES: Readonly<Record<string, ErrorCodes["FileError"]>> = {
  ENOENT: "ERR_FILE_NOT_FOUND",
  ENOTDIR: "ERR_FILE_NOT_FOUND",
  EACCES: "ERR_FILE_DENIED",
  EPERM: "ERR_FILE_DENIED",
  ELOOP: "ERR_FILE_NOT_REGULAR",
  EISDIR: "ERR_FILE_NOT_REGULAR",
  ENXIO: "ERR_FILE_NOT_REGULAR",
};

const WORDS: Readonly<Record<ErrorCodes["FileError"], string>> = {
  ERR_FILE_NOT_FOUND: "does not exist",
  ERR_FILE_DENIED: "may not be read by this process",
  ERR_FILE_NOT_REGULAR: "is not a regular file",
  ERR_FILE_TOO_LARGE: "is too large",
  ERR_FILE_UNREADABLE: "cannot be read",
};

/** The {@link FileSystem} of Node.js. */
export const nodeFileSystem: FileSystem = {
  read: (path, options) =>
    translateErrors(path, async () => {
      const handle = await open(path, openFlags(options));
      try {
        return await readHandle(handle, path, options.maxBytes);
      } finally {
        await handle.close();
      }
    }),
  status: (path) => translateErrors(path, async () => toStatus(await stat(path))),
  realPath: (path) => translateErrors(path, () => realpath(path)),
  readLink: (path) =>
    translateErrors(path, async () =>
      (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined,
    ),
  list: (path, { maxEntries }) =>
    translateErrors(path, async () => {
      const names: string[] = [];
      for await (const { name } of await opendir(path)) {
        if (names.length === maxEntries) throw fileError("ERR_FILE_TOO_LARGE", path);
        names.push(name);
      }
      return names;
    }),
  isExecutable: async (path) => {
    try {
      await access(path, constants.X_OK);
      return (await stat(path)).isFile();
    } catch {
      return false;
    }
  },
};

// O_NONBLOCK, because opening a FIFO without a writer would block.
function openFlags(options: ReadFileOptions): number {
  const follow = options.followSymbolicLink ?? true;
  return constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
}

async function readHandle(handle: FileHandle, path: string, maxBytes: number): Promise<FileContent> {
  const status = toStatus(await handle.stat());
  if (status.kind !== "file") throw fileError("ERR_FILE_NOT_REGULAR", path);
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return { ...status, bytes: new Uint8Array(buffer.subarray(0, length)) };
    length += bytesRead;
  }
  throw fileError("ERR_FILE_TOO_LARGE", path);
}

function toStatus(stats: Stats): FileStatus {
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
  return { kind, mode: stats.mode & 0o7777, uid: stats.uid };
}

async function translateErrors<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FileError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw fileError(CODES[code] ?? "ERR_FILE_UNREADABLE", path);
  }
}

function fileError(code: ErrorCodes["FileError"], path: string): FileError {
  return new FileError(code, `${quoteName(path, 512)} ${WORDS[code]}`);
}
