import type { CommandContext } from "./stricli.ts";

/** An output stream, such as `process.stdout`. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a command needs of the process. */
export interface CliContext extends CommandContext {
  /**
   * The process for the parser. What the parser writes to standard error is a problem of the command line.
   */
  readonly process: {
    readonly stdout: TextStream;
    readonly stderr: TextStream;
    readonly env: Readonly<Record<string, string | undefined>>;
    exitCode?: number | string | null;
  };
  /** The streams of a command. */
  readonly streams: { readonly stdout: TextStream; readonly stderr: TextStream };
  /** The text of standard input, to its end. */
  readonly readInput: () => Promise<string>;
  /** Listens for a signal; returns a function that stops listening. */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => () => void;
}
