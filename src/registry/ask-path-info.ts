import type { CommandSpec } from "../commands/command.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { classifyRun } from "../execution/failure.ts";
import { type CommandOutcome, runCommand } from "../execution/run-command.ts";
import { sleep } from "../host/sleep.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";

/** Longest answer that is read, in UTF-16 units; 400 paths take about a quarter of a megabyte. */
const MAX_ANSWER_LENGTH = 16 * 1024 * 1024;
/** How often a question is asked that the network spoilt, and the most that is waited before the second, in milliseconds. */
const MAX_QUESTIONS = 4;
const FIRST_PAUSE_MS = 500;

/** How the question ended, and the whole standard output. */
export type PathInfoOutcome = CommandOutcome & { readonly answer: string };

/** Finds out more about a run that failed. */
export type Explain = (outcome: CommandOutcome) => Promise<CommandOutcome>;

/**
 * Runs `nix path-info`, and again where only the network spoilt it. Older versions of nix refuse a flag that a later one asks for; what
 * it says is remembered.
 *
 * @param build - builds the command, naming the format of its JSON or not
 */
export async function askPathInfo(
  build: (namesFormat: boolean) => CommandSpec,
  context: PushContext,
  explain: Explain = async (outcome) => outcome,
): Promise<PathInfoOutcome> {
  const { nix } = context;
  const named = nix.wantsJsonFormat;
  const asked = await ask(build(named), context, explain);
  const output = asked.error?.code === "ERR_PUSH_FAILED" ? (asked.result?.stderr ?? "") : "";
  if (!/^error:.*--json-format/mu.test(output)) return asked;
  // Of what this question was asked with: another one may have learnt the same meanwhile.
  nix.wantsJsonFormat = !named;
  return ask(build(!named), context, explain);
}

async function ask(command: CommandSpec, context: PushContext, explain: Explain): Promise<PathInfoOutcome> {
  for (let question = 1; ; question++) {
    const reader = new AnswerReader();
    const options = { ...toRunOptions(context), onOutput: reader.push.bind(reader) };
    const { result, error } = await explain(await runCommand(command, options));
    const answer = reader.read(result?.stdout ?? "");
    const isSpoilt = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isTransient(result);
    if (!isSpoilt || question === MAX_QUESTIONS)
      return { answer, error, ...(result === undefined ? {} : { result }) };
    await pause(question, context);
  }
}

/** Full jitter, twice as long each time: who asks again at once meets the same broken network. */
function pause(question: number, { runtime: { clock, random }, deadline }: PushContext): Promise<void> {
  const delayMs = random.fraction() * FIRST_PAUSE_MS * 2 ** (question - 1);
  return sleep(Math.min(delayMs, Math.max(0, deadline.remainingMs)), deadline.signal, clock);
}

function isTransient(result: ExecutionResult): boolean {
  return classifyRun(result).failureClass === "transient";
}

/** Collects a whole answer, of which an executor keeps only the end. */
class AnswerReader {
  #text = "";

  push({ stream, text }: { readonly stream: string; readonly text: string }): void {
    if (stream === "stdout" && this.#text.length <= MAX_ANSWER_LENGTH) this.#text += text;
  }

  /** The answer; an executor of the host's own need not stream, and then has kept it whole or not at all. */
  read(kept: string): string {
    return this.#text.length >= kept.length ? this.#text : kept;
  }
}
