import type { FailureMeaning } from "../core/cloud-codes.ts";
import type { Secret } from "../core/secret.ts";
import { escapeText } from "../core/text.ts";

/**
 * A command as data: what to run, with which arguments, variables and private files. It holds no path of any
 * machine, so an executor may run it here or elsewhere.
 *
 * @public
 */
export interface CommandSpec {
  /** Name of the executable, looked up on the executor's PATH, or an absolute path. */
  readonly file: string;
  /** Arguments, handed over one by one; never a secret, never a shell's text. */
  readonly args: readonly CommandArg[];
  /** Environment variables. The executor adds only its own short, fixed list. */
  readonly env: ReadonlyMap<string, CommandArg | Secret>;
  /** Files to write into the private work directory before the start. */
  readonly files: readonly PrivateFile[];
  /**
   * Texts on the tool's output that mean failure whatever its exit code says, for tools that exit 0 after
   * skipping what they were asked to push.
   */
  readonly failureMarkers?: readonly string[] | undefined;
  /**
   * Texts of the tool's own failures, and what they mean for another attempt; they count before what is known
   * of any tool.
   */
  readonly failureTexts?: readonly FailureText[] | undefined;
  /** How the tool writes its standard error; absent: as text for people. */
  readonly logFormat?: "nix-internal-json" | undefined;
}

/**
 * A text on a tool's output, and what it means for another attempt.
 *
 * @public
 */
export interface FailureText {
  /** Looked for in the output of a run that failed; names of store paths are taken out before. */
  readonly pattern: RegExp;
  /** What it means. */
  readonly means: FailureMeaning;
}

/**
 * An argument: text as it is, or a place in the private work directory.
 *
 * @public
 */
export type CommandArg = string | WorkPath;

/**
 * A place in the private directory that an executor makes for one run and removes afterwards.
 *
 * @public
 */
export interface WorkPath {
  /**
   * What the executor makes of it before the start: a `work-directory` is a directory then; of a `work-file`,
   * which is written by {@link CommandSpec.files} or by the tool, the directory around it is there; a
   * `work-path` the tool makes itself.
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
  /** Where it goes. */
  readonly path: WorkPath;
  /** Everything it holds. */
  readonly content: Secret;
  /** The secrets inside, for redaction of the tool's output. */
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
 * What a tool makes in the work directory if it needs it, as the XDG base directories:
 * https://specifications.freedesktop.org/basedir.
 */
function workPath(path: string): WorkPath {
  return { kind: "work-path", path };
}

/**
 * The variables that keep a tool inside its work directory: no configuration of the host's user is read, and
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
 * Prints a command for people: variables by name only, places of the work directory as `<work>/…`, everything
 * quoted where a shell would need it. It is no input for a shell.
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
