import type { CommandSpec } from "../commands/command.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { classifyRun } from "../execution/failure.ts";
import type { CommandOutcome } from "../execution/run-command.ts";
import { type AnsweredOutcome, runForAnswer } from "../execution/run-for-answer.ts";
import { sleep } from "../host/sleep.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";

/**
 * How often a query is tried if the network interrupts it, and the longest pause before the second try, in
 * milliseconds.
 */
const MAX_QUESTIONS = 4;
const FIRST_PAUSE_MS = 500;

/** How a query is sent. */
export interface AskPathInfoOptions {
  /** Finds out more about a run that failed. */
  readonly explain?: ((outcome: CommandOutcome) => Promise<CommandOutcome>) | undefined;
  /** Longest answer that is read, in UTF-16 units. */
  readonly maxAnswerLength?: number | undefined;
}

/**
 * Runs `nix path-info`, and again if only the network interrupted it. Older versions of Nix refuse a flag
 * that later ones require; which one is installed is remembered.
 *
 * @param build - builds the command, naming the format of its JSON or not
 */
export async function askPathInfo(
  build: (namesFormat: boolean) => CommandSpec,
  context: PushContext,
  options: AskPathInfoOptions = {},
): Promise<AnsweredOutcome> {
  const { nix } = context;
  const named = nix.wantsJsonFormat;
  const asked = await ask(build(named), context, options);
  const output = asked.error?.code === "ERR_PUSH_FAILED" ? (asked.result?.stderr ?? "") : "";
  if (!/^error:.*--json-format/mu.test(output)) return asked;
  // As used for this query; another query may have learnt the same meanwhile.
  nix.wantsJsonFormat = !named;
  return ask(build(!named), context, options);
}

async function ask(
  command: CommandSpec,
  context: PushContext,
  { explain = async (outcome) => outcome, maxAnswerLength }: AskPathInfoOptions,
): Promise<AnsweredOutcome> {
  for (let question = 1; ; question++) {
    const { answer, ...outcome } = await runForAnswer(command, { ...toRunOptions(context), maxAnswerLength });
    const { result, error } = await explain(outcome);
    const isSpoilt = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isTransient(result);
    if (!isSpoilt || question === MAX_QUESTIONS)
      return { answer, error, ...(result === undefined ? {} : { result }) };
    await pause(question, context);
  }
}

/** Full jitter, doubling each time, because an immediate retry meets the same broken network. */
function pause(question: number, { runtime: { clock, random }, deadline }: PushContext): Promise<void> {
  const delayMs = random.fraction() * FIRST_PAUSE_MS * 2 ** (question - 1);
  return sleep(Math.min(delayMs, Math.max(0, deadline.remainingMs)), deadline.signal, clock);
}

function isTransient(result: ExecutionResult): boolean {
  return classifyRun(result).failureClass === "transient";
}
