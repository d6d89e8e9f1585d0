import type { ErrorCodes } from "../core/error-codes.ts";
import { FileError, HttpError } from "../core/errors.ts";
import type { FileContent, FileStatus, FileSystem, ReadFileOptions } from "../host/file-system.ts";
import type { Runtime } from "../host/runtime.ts";
import { createFakeClock } from "./fake-clock.ts";

/**
 * A file of a test's file system.
 *
 * @public
 */
export interface TestFile {
  /** Its content; default empty. */
  readonly content?: string | Uint8Array | undefined;
  /** Permission bits; default 0o600. */
  readonly mode?: number | undefined;
  /** Owner; default that of the runtime's user. */
  readonly uid?: number | undefined;
  /** Kind of file; default `file`. */
  readonly kind?: FileStatus["kind"] | undefined;
  /** The target, which makes it a symbolic link. */
  readonly linkTo?: string | undefined;
  /** The error of reading it. */
  readonly error?: ErrorCodes["FileError"] | undefined;
}

/**
 * A runtime for tests. What is not given is empty, and time stands still.
 *
 * @example
 * ```ts
 * const options: TestRuntimeOptions = { env: { A_TOKEN: "x" }, files: { "/etc/token": { content: "x", mode: 0o600 } } };
 * ```
 *
 * @public
 */
export interface TestRuntimeOptions extends Partial<Omit<Runtime, "files">> {
  /**
   * Files by absolute path; a text stands for a file with mode 0600. Directories in between exist with mode
   * 0755.
   */
  readonly files?: Readonly<Record<string, string | TestFile>> | undefined;
}

const TEST_UID = 1000;
const MAX_LINKS = 40;

/**
 * Creates a runtime that reads nothing from the machine.
 *
 * @param options - environment, files and other ports
 *
 * @example
 * ```ts
 * const runtime = createTestRuntime({ env: { CACHIX_AUTH_TOKEN: "token" }, files: { "/etc/keys": "A=b" } });
 * const registry = CacheRegistry.fromToml(toml, { runtime, executor: createRecordingExecutor() });
 * ```
 *
 * @public
 */
export function createTestRuntime(options: TestRuntimeOptions = {}): Runtime {
  const { files = {}, ...overrides } = options;
  let uuids = 0;
  return {
    env: {},
    clock: createFakeClock(),
    http: {
      send: async ({ url }) => {
        throw new HttpError("ERR_HTTP_UNREACHABLE", `${new URL(url).origin} is not there`);
      },
    },
    random: {
      uuid: () => `00000000-0000-4000-8000-${String(uuids++).padStart(12, "0")}`,
      fraction: () => 0.5,
    },
    user: { uid: TEST_UID, homeDirectory: "/home/ci" },
    workingDirectory: () => "/work",
    warn: () => {},
    ...overrides,
    files: createTestFileSystem(files),
  };
}

function createTestFileSystem(files: Readonly<Record<string, string | TestFile>>): FileSystem {
  const find = (path: string): TestFile => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (typeof file === "string") return { content: file };
    if (file !== undefined) return file;
    const isParent = Object.keys(files).some((name) => name.startsWith(path === "/" ? "/" : `${path}/`));
    if (!isParent) throw toFileError("ERR_FILE_NOT_FOUND", path);
    return { kind: "directory", mode: 0o755, uid: 0 };
  };
  const follow = (path: string, links = 0): string => {
    const { linkTo } = find(path);
    if (linkTo === undefined) return path;
    if (links === MAX_LINKS) throw toFileError("ERR_FILE_NOT_REGULAR", path);
    return follow(linkTo, links + 1);
  };
  return {
    read: async (path, options) => {
      const isLink = find(path).linkTo !== undefined;
      if (isLink && options.followSymbolicLink === false) throw toFileError("ERR_FILE_NOT_REGULAR", path);
      return readTestFile(path, find(follow(path)), options);
    },
    status: async (path) => toStatus(find(follow(path))),
    realPath: async (path) => follow(path),
    readLink: async (path) => find(path).linkTo,
    list: async (path, { maxEntries }) => {
      if (toStatus(find(path)).kind !== "directory") throw toFileError("ERR_FILE_NOT_FOUND", path);
      const below = Object.keys(files).filter((name) => name.startsWith(`${path}/`));
      const names = [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0] ?? ""))];
      if (names.length > maxEntries) throw toFileError("ERR_FILE_TOO_LARGE", path);
      return names;
    },
    isExecutable: async (path) => Object.hasOwn(files, path) && (toStatus(find(path)).mode & 0o111) !== 0,
  };
}

function toStatus({ kind = "file", mode = 0o600, uid = TEST_UID }: TestFile): FileStatus {
  return { kind, mode, uid };
}

function readTestFile(path: string, file: TestFile, options: ReadFileOptions): FileContent {
  if (file.error !== undefined) throw toFileError(file.error, path);
  const status = toStatus(file);
  if (status.kind !== "file") throw toFileError("ERR_FILE_NOT_REGULAR", path);
  const { content = "" } = file;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (bytes.length > options.maxBytes) throw toFileError("ERR_FILE_TOO_LARGE", path);
  return { ...status, bytes };
}

function toFileError(code: ErrorCodes["FileError"], path: string): FileError {
  return new FileError(code, `${path} cannot be read (${code})`);
}
