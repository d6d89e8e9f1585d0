/**
 * Reads whole files, and the names in a directory.
 *
 * @example
 * ```ts
 * const { files } = createNodeRuntime();
 * const readable: FileSystem = { ...files, read: (path, options) => files.read(`/srv${path}`, options) };
 * ```
 *
 * @public
 */
export interface FileSystem {
  /**
   * Reads one regular file. The status is that of the file which was read, even if the path changes
   * meanwhile. A FIFO, device or directory is refused without blocking.
   *
   * @throws {@link FileError} `ERR_FILE_NOT_FOUND`, `ERR_FILE_DENIED`, `ERR_FILE_NOT_REGULAR`,
   * `ERR_FILE_TOO_LARGE`, else `ERR_FILE_UNREADABLE`
   */
  read(path: string, options: ReadFileOptions): Promise<FileContent>;
  /**
   * Returns what a path leads to, following links.
   *
   * @throws {@link FileError} `ERR_FILE_NOT_FOUND` for a path that leads nowhere, `ERR_FILE_DENIED`,
   * `ERR_FILE_UNREADABLE`
   */
  status(path: string): Promise<FileStatus>;
  /**
   * Resolves every symbolic link of a path.
   *
   * @throws {@link FileError} `ERR_FILE_NOT_FOUND` for a path that leads nowhere, `ERR_FILE_DENIED`,
   * `ERR_FILE_UNREADABLE`
   */
  realPath(path: string): Promise<string>;
  /**
   * Reads the target of a symbolic link, as written; undefined if the path is not a link.
   *
   * @throws {@link FileError} `ERR_FILE_NOT_FOUND` for a path that leads nowhere, `ERR_FILE_DENIED`,
   * `ERR_FILE_UNREADABLE`
   */
  readLink(path: string): Promise<string | undefined>;
  /**
   * Lists the names in a directory, in any order.
   *
   * @throws {@link FileError} `ERR_FILE_NOT_FOUND` if it does not exist or is not a directory,
   * `ERR_FILE_DENIED`, `ERR_FILE_TOO_LARGE` for more names than allowed, `ERR_FILE_UNREADABLE`
   */
  list(path: string, options: ListDirectoryOptions): Promise<readonly string[]>;
  /** Whether a path is a regular file that the host may execute. */
  isExecutable(path: string): Promise<boolean>;
}

/**
 * Options of {@link FileSystem.read}.
 *
 * @example
 * ```ts
 * const options: ReadFileOptions = { maxBytes: 65_536, followSymbolicLink: false };
 * ```
 *
 * @public
 */
export interface ReadFileOptions {
  /** Upper bound of the file's size in bytes, inclusive. */
  readonly maxBytes: number;
  /** Whether the last part of the path may be a symbolic link; default true. */
  readonly followSymbolicLink?: boolean | undefined;
}

/**
 * Options of {@link FileSystem.list}.
 *
 * @example
 * ```ts
 * const options: ListDirectoryOptions = { maxEntries: 2_000 };
 * ```
 *
 * @public
 */
export interface ListDirectoryOptions {
  /** Maximum number of names, inclusive. */
  readonly maxEntries: number;
}

/**
 * What a path leads to.
 *
 * @public
 */
export interface FileStatus {
  /** Kind of the file. */
  readonly kind: "file" | "directory" | "other";
  /** Permission bits, e.g. `0o600`, the sticky bit included. */
  readonly mode: number;
  /** Owner's numeric id. */
  readonly uid: number;
}

/**
 * A file's bytes with the status of the file they were read from.
 *
 * @public
 */
export interface FileContent extends FileStatus {
  /** The whole content. */
  readonly bytes: Uint8Array;
}
