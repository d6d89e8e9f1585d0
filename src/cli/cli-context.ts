import type { CommandContext } from "./stricli.ts";

/** Something that is written to, as `process.stdout` is. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a command works with: the process, without its globals. */
export interface CliContext extends CommandContext {
  /** As the parser has it: what is written to its standard error is a problem of the command line. */
  readonly process: {
    readonly stdout: TextStream;
    readonly stderr: TextStream;
    readonly env: Readonly<Record<string, string | undefined>>;
    exitCode?: number | string | null;
  };
  /** Where a command itself writes. */
  readonly streams: { readonly stdout: TextStream; readonly stderr: TextStream };
  /** The text of standard input, to its end. */
  readonly readInput: () => Promise<string>;
  /** Listens for a signal; returns the function that ends that. */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => () => void;
}
