import type { Runtime } from "../host/runtime.ts";

/**
 * Options of {@link createProcessExecutor}.
 *
 * @example
 * ```ts
 * const options: ProcessExecutorOptions = { path: "/run/current-system/sw/bin", workDirectoryParent: "/run/eka-ci" };
 * ```
 *
 * @public
 */
export interface ProcessExecutorOptions {
  /** Names of further variables of the host that every child may see; default none. */
  readonly inheritEnv?: readonly string[] | undefined;
  /** Directories to search for executables, separated by `:`; default the host's PATH. */
  readonly path?: string | undefined;
  /**
   * Absolute path of the parent of private work directories; default `$TMPDIR`, else `/tmp`.
   */
  readonly workDirectoryParent?: string | undefined;
  /**
   * Absolute path of the directory for files with secrets while a command runs, preferably in memory; default
   * `/dev/shm` if that is a memory file system, else the work directory.
   */
  readonly secretsParent?: string | undefined;
  /** Ports to use instead of those of Node.js. */
  readonly runtime?: Partial<Runtime> | undefined;
}
