import { styleText } from "node:util";
import { escapeText } from "../decisions/index.ts";
import type { CliContext, TextStream } from "./cli-context.ts";

export type Style = "green" | "red" | "yellow" | "dim" | "bold";

/** Narrowest terminal that tables are made for. */
const LEAST_COLUMNS = 40;

/** Whether to colour a stream, by https://no-color.org and https://force-color.org. */
function isColoured(stream: TextStream, env: CliContext["process"]["env"]): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return stream.isTTY === true && TERM !== "dumb";
}

/**
 * Output of a command: results on standard output, everything else on standard error. Foreign text cannot
 * move the cursor or start a line.
 */
export class Output {
  readonly #streams: CliContext["streams"];
  readonly #env: CliContext["process"]["env"];

  constructor({ streams, process: { env } }: CliContext) {
    this.#streams = streams;
    this.#env = env;
  }

  /** Columns that a table may take; without a terminal as many as it needs. */
  get columns(): number {
    const { isTTY, columns } = this.#streams.stdout;
    return isTTY === true ? Math.max(LEAST_COLUMNS, columns ?? 80) : Number.POSITIVE_INFINITY;
  }

  /** A line of the result. */
  print(line = ""): void {
    this.#streams.stdout.write(`${line}\n`);
  }

  /** A line for people, on standard error. */
  note(line: string): void {
    this.#streams.stderr.write(`${line}\n`);
  }

  /** The whole result, for programs. */
  json(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** A word of the result, coloured if wanted. */
  style(style: Style, text: string): string {
    return isColoured(this.#streams.stdout, this.#env)
      ? styleText(style, text, { validateStream: false })
      : text;
  }
}

/** A foreign name, safe to print. */
export const show = (text: string): string => escapeText(text);
