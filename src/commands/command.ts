import type { FailureMeaning } from "../core/cloud-codes.ts";
import type { Secret } from "../core/secret.ts";
import { escapeText } from "../core/text.ts";

/**
 * A command as data: executable, arguments, variables and private files. It contains no path of a machine, so
 * an executor may run it anywhere.
 *
 * @public
 */
export interface CommandSpec {
  /** Name of the executable, looked up on the executor's PATH, or an absolute path. */
  readonly file: string;
  /** Arguments, passed one by one without a shell; never a secret. */
  readonly args: readonly CommandArg[];
  /** Environment variables. The executor adds only a short, fixed list. */
  readonly env: ReadonlyMap<string, CommandArg | Secret>;
  /** Files to write into the private work directory before the start. */
  readonly files: readonly PrivateFile[];
  /**
   * Texts in the tool's output that mean failure, whatever its exit code, for tools that exit 0 after
   * skipping paths.
   */
  readonly failureMarkers?: readonly string[] | undefined;
  /**
   * Texts of the tool's failures, and what they mean for a retry. They take precedence over the built-in
   * table.
   */
  readonly failureTexts?: readonly FailureText[] | undefined;
  /** Format of the tool's standard error; default text for people. */
  readonly logFormat?: "nix-internal-json" | undefined;
}

/**
 * A text in a tool's output, and what it means for a retry.
 *
 * @public
 */
export interface FailureText {
  /** Searched for in the output of a failed run, after names of store paths are removed. */
  readonly pattern: RegExp;
  /** What it means. */
  readonly means: FailureMeaning;
}

/**
 * An argument: a text, or a path in the private work directory.
 *
 * @public
 */
export type CommandArg = string | WorkPath;

/**
 * A path in the private directory that an executor creates for one run and removes afterwards.
 *
 * @public
 */
export interface WorkPath {
  /**
   * What exists before the start. The executor creates a `work-directory`. For a `work-file`, which
   * {@link CommandSpec.files} or the tool writes, it creates the parent directory. The tool creates a
   * `work-path` itself.
   */
  readonly kind: "work-file" | "work-directory" | "work-path";
  /** Path below the work directory with `/` between segments; empty for the directory itself. */
  readonly path: string;
}

/**
 * A file that holds a secret: written with mode 0600 before the start, removed after the end.
 *
 * @public
 */
export interface PrivateFile {
  /** Its path. */
  readonly path: WorkPath;
  /** Its content. */
  readonly content: Secret;
  /** The secrets in it, for redaction of the tool's output. */
  readonly secrets: readonly Secret[];
}

/**
 * A file in the private work directory of a run.
 *
 * @param path - path below the work directory with `/` between segments
 *
 * @example
 * ```ts
 * const token: PrivateFile = { path: workFile("config/niks3/auth-token"), content: new Secret("…"), secrets: [] };
 * ```
 *
 * @public
 */
export function workFile(path: string): WorkPath {
  return { kind: "work-file", path };
}

/** A directory in the work directory. */
export function workDirectory(path: string): WorkPath {
  return { kind: "work-directory", path };
}

/**
 * Directories that a tool creates in the work directory if needed, such as the XDG base directories:
 * https://specifications.freedesktop.org/basedir.
 */
function workPath(path: string): WorkPath {
  return { kind: "work-path", path };
}

/**
 * The variables that keep a tool inside its work directory. It reads no configuration of the host's user, and
 * no cache of an earlier run hides that a server was wiped.
 */
export function privateHome(): CommandSpec["env"] {
  return new Map<string, CommandArg>([
    ["HOME", workDirectory("")],
    ["XDG_CACHE_HOME", workPath("cache")],
    ["XDG_CONFIG_HOME", workPath("config")],
    ["XDG_DATA_HOME", workPath("data")],
    ["XDG_STATE_HOME", workPath("state")],
    ["TMPDIR", workDirectory("")],
  ]);
}

/**
 * Prints a command for people: variables by name only, paths of the work directory as `<work>/…`, quoted as a
 * shell would need it. Do not pass it to a shell.
 *
 * @param command - any command
 * @returns one line of printable ASCII without secrets
 *
 * @example
 * ```ts
 * formatCommand(buildPushCommand(input));
 * // "CACHIX_AUTH_TOKEN=[redacted] CI=true … cachix push -- my-cache /nix/store/…"
 * ```
 *
 * @public
 */
export function formatCommand(command: CommandSpec): string {
  const variables = [...command.env].map(([name, value]) => `${name}=${formatValue(value)}`);
  return [...variables, ...[command.file, ...command.args].map(formatValue)].join(" ");
}

function formatValue(value: CommandArg | Secret): string {
  if (typeof value === "string") return quote(escapeText(value));
  if ("kind" in value) return value.path === "" ? "<work>" : `<work>/${escapeText(value.path)}`;
  return "[redacted]";
}

function quote(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
