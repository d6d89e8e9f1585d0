import {
  type CommandArg,
  CommandError,
  type CommandSpec,
  type ExecuteOptions,
  type ExecutionResult,
  type Executor,
  Secret,
} from "@eka-ci/caches";

/** Where and how commands run. */
export interface SshExecutorOptions {
  /** Destination of ssh; keys and known hosts are those of this account. */
  readonly host: string;
  /** Runs ssh, with the timeouts, limits and redaction of the local machine: `createProcessExecutor()`. */
  readonly local: Executor;
  /** Options of ssh, as `-p` or `-F`. */
  readonly sshArgs?: readonly string[] | undefined;
  /** Variables of commands there, besides their own and PATH. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/**
 * Exit code of the script if the tool is missing; EX_UNAVAILABLE in `sysexits.h`.
 */
const NOT_FOUND = 69;

// The shell keeps the other end of the pipe open until ssh or the shell ends.
const LOCAL_SCRIPT = `
host=$1 script=$2
shift 2
mkfifo input
ssh -T -o BatchMode=yes "$@" -- "$host" 'exec env -i PATH="$PATH" sh -s' < input &
exec 3> input
cat "$script" >&3
wait $!`;

// One command for sh, read completely before it runs, because the end of the input is the sign to stop.
const REMOTE_END = `
  exec 3<&0
  "$@" </dev/null &
  command=$!
  ( exec >/dev/null 2>&1; while read -r _; do :; done; kill -TERM 0; sleep 5; kill -KILL 0 ) <&3 &
  watch=$!
  wait $command
  status=$?
  kill $watch
  exit $status
}
`;

/**
 * Runs commands over ssh on the host that has the store. The whole command is sent as a script on ssh's
 * standard input, so no secret is an argument on either side. There it becomes variables and files in a
 * private directory, which is removed afterwards.
 *
 * The input stays open while the command runs. When a run is aborted here, ssh ends, and the other side sees
 * the end of the input and ends the command. If the network breaks, sshd's `ClientAliveInterval` notices.
 */
export class SshExecutor implements Executor {
  readonly #options: SshExecutorOptions;

  constructor(options: SshExecutorOptions) {
    if (options.host === "" || options.host.startsWith("-")) throw new TypeError("The host is no host name");
    this.#options = options;
  }

  async execute(command: CommandSpec, options: ExecuteOptions = {}): Promise<ExecutionResult> {
    const { host, local, env = {}, sshArgs = [] } = this.#options;
    const script = toScript(command, env);
    const secrets = [...command.env.values()].filter((value) => value instanceof Secret);
    const path = { kind: "work-file", path: "remote.sh" } as const;
    const result = await local.execute(
      {
        file: "/bin/sh",
        args: ["-c", LOCAL_SCRIPT, "sh", host, path, ...sshArgs],
        env: new Map([["HOME", { kind: "work-directory", path: "" }]]),
        files: [
          {
            path,
            content: new Secret(script),
            secrets: [...secrets, ...command.files.flatMap((file) => file.secrets)],
          },
        ],
        failureMarkers: command.failureMarkers,
        logFormat: command.logFormat,
      },
      options,
    );
    if (result.exitCode === NOT_FOUND && result.stderr.includes(`no ${command.file} on`))
      throw new CommandError("ERR_COMMAND_NOT_FOUND", `${command.file} is not on the PATH of ${host}`);
    return result;
  }
}

/**
 * A script for sh. It uses builtins to set and write values, because no other process can see their
 * arguments.
 */
function toScript(command: CommandSpec, env: Readonly<Record<string, string>>): string {
  const exports = [...Object.entries(env), ...command.env].map(
    ([name, value]) => `export ${name}=${toWord(value)}`,
  );
  const files = command.files.flatMap(({ path, content }) => [
    `mkdir -p "$(dirname ${toWord(path)})"`,
    `printf %s ${quote(content.expose())} > ${toWord(path)}`,
  ]);
  const directories = [...command.env.values(), ...command.args]
    .filter((value) => typeof value === "object" && "kind" in value && value.kind === "work-directory")
    .map((value) => `mkdir -p ${toWord(value)}`);
  const words = [command.file, ...command.args].map(toWord).join(" ");
  return [
    "run() {",
    "umask 077",
    "work=$(mktemp -d) || exit 1",
    `trap 'rm -rf "$work"' EXIT`,
    "trap 'exit 143' HUP INT TERM",
    ...directories,
    ...files,
    `command -v ${quote(command.file)} >/dev/null || { echo ${quote(`no ${command.file} on the PATH`)} >&2; exit ${NOT_FOUND}; }`,
    ...exports,
    'cd "$work" || exit 1',
    `set -- ${words}`,
    `${REMOTE_END}run`,
    "",
  ].join("\n");
}

function toWord(value: CommandArg | Secret): string {
  if (typeof value === "string") return quote(value);
  if (value instanceof Secret) return quote(value.expose());
  return value.path === "" ? '"$work"' : `"$work"/${quote(value.path)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
