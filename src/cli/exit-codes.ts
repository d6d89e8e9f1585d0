/** Exit codes of the process. */
export const EXIT = {
  ok: 0,
  /** A file has a problem. */
  files: 1,
  /** The command line has a problem. */
  usage: 2,
  /** Policy does not allow it. */
  denied: 3,
  /** A push failed. */
  failed: 4,
  /** A service is away; a retry may work. */
  away: 5,
  /** It was ended by SIGINT or SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A problem that ends a command. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, exitCode: ExitCode, message: string) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export function usage(message: string): CliError {
  return new CliError("ERR_USAGE", EXIT.usage, message);
}
