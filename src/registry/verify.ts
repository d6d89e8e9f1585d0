import { batchStorePaths } from "../commands/batch.ts";
import type { CommandSpec } from "../commands/command.ts";
import { buildPathInfoCommand, type PathInfo, parsePathInfo } from "../commands/path-info.ts";
import type { PushCommandInput } from "../commands/push-input.ts";
import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { classifyRun } from "../execution/failure.ts";
import { type CommandOutcome, runCommand } from "../execution/run-command.ts";
import { sleep } from "../host/sleep.ts";
import { toCacheReader } from "./cache-reader.ts";
import { addFollowUp } from "./follow-up.ts";
import { listSome } from "./list-some.ts";
import { probeCache } from "./probe-cache.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import type { Verification } from "./verification.ts";

/** Longest answer that is read, in UTF-16 units; 400 paths take about a quarter of a megabyte. */
const MAX_ANSWER_LENGTH = 16 * 1024 * 1024;

/** What came of asking a cache. */
export interface Verified {
  /** The paths that it has, signed as the cache's configuration asks. */
  readonly present: readonly string[];
  /** Why some are missing from `present`; absent if none is. */
  readonly error?: PushError | undefined;
  /** The question that was not answered, if that is why. */
  readonly failedRun?: ExecutionResult | undefined;
}

/**
 * Asks a cache which paths it has. Exit code 0 of a push tool is no proof: nix has exited 0 after failed uploads, and cachix does
 * after skipping paths.
 *
 * It never rejects: a cache that does not answer has proven nothing.
 */
export async function verifyPaths(
  storePaths: readonly string[],
  verification: Verification,
): Promise<Verified> {
  const present: string[] = [];
  let failed: Verified | undefined;
  for (const batch of batchStorePaths(storePaths)) {
    const verified = await verifyBatch(batch, verification);
    present.push(...verified.present);
    if (verified.error !== undefined) failed ??= verified;
  }
  return { present, error: failed?.error, failedRun: failed?.failedRun };
}

async function verifyBatch(batch: readonly string[], verification: Verification): Promise<Verified> {
  const { cache, host, nixVersion } = verification;
  const reader = toCacheReader(cache, verification.credentials);
  const input = { ...reader, storePaths: batch, nixVersion, ...host };
  const { answer, error, result } = await askInFormat(input, verification);
  if (error !== undefined) return { present: [], error, failedRun: result };
  const isRedacted = answer.includes("[redacted]");
  const found = isRedacted ? undefined : parsePathInfo(answer);
  if (found === undefined) return { present: [], error: unverified(UNREADABLE, undefined) };
  const gone = await probeCache(batch, found, reader, verification);
  return judge(batch, new Map([...found].filter(([path]) => !gone.has(path))), cache.requireSignature);
}

const UNREADABLE =
  "What nix says of the cache cannot be read: it has a form that is not known, so that nothing is proven";

/** Older versions of nix refuse a flag that a later one asks for; what it says is remembered. */
async function askInFormat(input: PushCommandInput, verification: Verification): ReturnType<typeof ask> {
  const { nix } = verification.context;
  const asked = await ask(buildPathInfoCommand(input, nix.wantsJsonFormat), verification);
  const output = asked.error?.code === "ERR_PUSH_FAILED" ? (asked.result?.stderr ?? "") : "";
  if (!/^error:.*--json-format/mu.test(output)) return asked;
  nix.wantsJsonFormat = !nix.wantsJsonFormat;
  return ask(buildPathInfoCommand(input, nix.wantsJsonFormat), verification);
}

/** How often a question is asked that the network spoilt, and the most that is waited before the second, in milliseconds. */
const MAX_QUESTIONS = 4;
const FIRST_PAUSE_MS = 500;

async function ask(
  command: CommandSpec,
  verification: Verification,
): Promise<CommandOutcome & { readonly answer: string }> {
  for (let question = 1; ; question++) {
    const reader = new AnswerReader();
    const options = { ...toRunOptions(verification.context), onOutput: reader.push.bind(reader) };
    const ended = await runCommand(command, options);
    // Nothing is put at a substituter.
    const isElsewhere = verification.cache.substituter !== undefined;
    const { result, error } = isElsewhere ? ended : await addFollowUp(ended, verification);
    const answer = reader.read(result?.stdout ?? "");
    const isSpoilt = error?.code === "ERR_PUSH_FAILED" && result !== undefined && isTransient(result);
    if (!isSpoilt || question === MAX_QUESTIONS)
      return { answer, error, ...(result === undefined ? {} : { result }) };
    await pause(question, verification.context);
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

function judge(
  batch: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  key: string | undefined,
): Verified {
  const missing = batch.filter((path) => !found.has(path));
  const unsigned = batch.filter(
    (path) => key !== undefined && found.get(path)?.signedBy.includes(key) === false,
  );
  const failed = new Set([...missing, ...unsigned]);
  const present = batch.filter((path) => !failed.has(path));
  if (missing.length > 0) {
    const message = `The push was reported as done, and the cache does not have ${listSome(missing)}`;
    return { present, error: unverified(message, [...failed]) };
  }
  if (unsigned.length === 0) return { present };
  const message = `The cache has ${listSome(unsigned)} without a signature by ${key}; sign when building`;
  return { present, error: new PushError("ERR_SIGNATURE_MISSING", message, unsigned) };
}

function unverified(message: string, storePaths: readonly string[] | undefined): PushError {
  return new PushError("ERR_PUSH_UNVERIFIED", message, storePaths);
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
