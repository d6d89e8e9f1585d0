import type { CommandSpec } from "../commands/command.ts";
import { type CommandOutcome, type RunCommandOptions, runCommand } from "./run-command.ts";

/** Longest answer that is read by default, in UTF-16 units; 400 paths take about a quarter of a megabyte. */
const MAX_ANSWER_LENGTH = 16 * 1024 * 1024;

/** How a query is sent. */
export interface RunForAnswerOptions extends RunCommandOptions {
  /** Longest answer that is read, in UTF-16 units; a longer one is cut. */
  readonly maxAnswerLength?: number | undefined;
}

/** How a query ended, and its whole standard output. */
export type AnsweredOutcome = CommandOutcome & { readonly answer: string };

/** Runs a command and returns its whole standard output, of which an executor keeps only the end. */
export async function runForAnswer(
  command: CommandSpec,
  { maxAnswerLength = MAX_ANSWER_LENGTH, ...options }: RunForAnswerOptions,
): Promise<AnsweredOutcome> {
  let text = "";
  const outcome = await runCommand(command, {
    ...options,
    onOutput: (chunk) => {
      if (chunk.stream === "stdout" && text.length <= maxAnswerLength) text += chunk.text;
    },
  });
  // An executor of the host may not stream; then it has kept the whole output, or none.
  const kept = outcome.result?.stdout ?? "";
  return { ...outcome, answer: text.length >= kept.length ? text : kept };
}
