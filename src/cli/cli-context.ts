import type { CommandContext } from "./stricli.ts";

/** Something that is written to, as `process.stdout` is. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a command works with: the process, without its globals. */
export interface CliContext extends CommandContext {
  readonly process: {
    readonly stdout: TextStream;
    readonly stderr: TextStream;
    readonly env: Readonly<Record<string, string | undefined>>;
    exitCode?: number | string | null;
  };
  /** The text of standard input, to its end. */
  readonly readInput: () => Promise<string>;
  /** Listens for a signal; returns the function that ends that. */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => () => void;
}
