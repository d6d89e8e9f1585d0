import type { FailureText } from "../commands/command.ts";
import { type FailureMeaning, MEANING_OF_CODE } from "../core/cloud-codes.ts";
import type { ServerAnswer } from "../core/server-answer.ts";
import { CURL_ERRORS } from "./curl-codes.ts";
import type { ExecutionResult } from "./executor.ts";
import { STATUSES, WORDS } from "./failure-table.ts";
import { findFinalStatement, type Statement, toWholeStatement, withoutRepeated } from "./final-statement.ts";

/**
 * What a failure means for a retry.
 *
 * | class | meaning | a retry |
 * |---|---|---|
 * | `permanent` | the request or the path is at fault | would fail the same way |
 * | `transient` | the network or the server has a temporary problem | may succeed later |
 * | `credentials` | the credentials were not accepted | may succeed with fresh ones |
 * | `unknown` | the output is not recognised | is worth one try |
 *
 * @public
 */
export type FailureClass = "permanent" | "transient" | "credentials" | "unknown";

/** What the output of a failed run reveals. */
export interface RunFailure {
  readonly failureClass: FailureClass;
  /** Whether every path would fail: the server is unreachable, or asks to slow down. */
  readonly isWholeServer: boolean;
  /** Whether the server answered and refused, perhaps only one path. */
  readonly isAnswered?: boolean | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Classifies a failed run by its output. What ended the run counts before what came first. Within that, a
 * cloud's error code takes precedence over a status, a status over curl's number, and words come last.
 */
export function classifyRun(run: ExecutionResult): RunFailure {
  const { outcome, stderr, stdout, followUp } = run;
  const output = `${stderr}\n${stdout}`.replaceAll(STORE_NAME, "");
  const statement = followUp === undefined ? findFinalStatement(output) : { own: followUp, body: "" };
  const whole = toWholeStatement(output);
  const meaning =
    run.meaning ??
    (statement && findMeaning(statement)) ??
    findMeaning(withoutRepeated(output)) ??
    findMeaning(whole);
  const failure = meaning === undefined ? toUnknown(outcome) : FAILURES[meaning];
  // A refusal of the first file is a refusal of the whole cache.
  const isWholeServer =
    failure.isWholeServer || (meaning === "refused" && ROOT_FILE.test((statement ?? whole).own));
  const retryAfterMs = failure.failureClass === "transient" ? findRetryAfter(output) : undefined;
  return { ...failure, isWholeServer, ...(failure.failureClass === "transient" ? { retryAfterMs } : {}) };
}

/** Adds what a failed run means by the texts of its tool. */
export function withOwnMeaning(run: ExecutionResult, texts: readonly FailureText[] = []): ExecutionResult {
  if (run.outcome === "succeeded" || texts.length === 0) return run;
  const output = `${run.stderr}\n${run.stdout}`.replaceAll(STORE_NAME, "");
  // `search` does not keep a position, as `test` does with some flags.
  const found = texts.find(({ pattern }) => output.search(pattern) !== -1);
  return found === undefined ? run : { ...run, meaning: found.means };
}

/**
 * Classifies an answer by the same table: a cloud's code takes precedence over a status, and the system's
 * code comes last.
 */
export function classifyAnswer({ status, code, systemCode, retryAfterMs }: ServerAnswer): RunFailure {
  const failure = FAILURES[toMeaning(status, code, systemCode)];
  return failure.failureClass === "transient" ? { ...failure, retryAfterMs } : failure;
}

function toMeaning(
  status: number | undefined,
  code: string | undefined,
  systemCode: string | undefined,
): FailureMeaning {
  const byCode = MEANING_OF_CODE.get(code ?? "");
  if (byCode !== undefined) return byCode;
  // What is sent must not follow a redirect.
  if (status !== undefined && status < 400) return "misconfigured";
  if (status !== undefined) return STATUSES[status] ?? (status < 500 ? "refused" : "broken");
  if (/CERT|ERR_TLS|ERR_SSL|EPROTO/u.test(systemCode ?? "")) return "misconfigured";
  return /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/u.test(systemCode ?? "")
    ? "away"
    : "broken";
}

/**
 * Base names of store paths are removed, because the author of a package must not decide what its failure
 * means.
 */
const STORE_NAME = /[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/gu;
const ROOT_FILE =
  /\bunable to (?:upload|download) '[^'\n]{0,2000}\/nix-cache-info'|^(?:GET|PUT) nix-cache-info: /u;

type Classified = Omit<RunFailure, "retryAfterMs">;

const FAILURES: Readonly<Record<FailureMeaning, Classified>> = {
  refused: { failureClass: "permanent", isWholeServer: false },
  misconfigured: { failureClass: "permanent", isWholeServer: true },
  unauthorized: { failureClass: "credentials", isWholeServer: true, isAnswered: true },
  busy: { failureClass: "transient", isWholeServer: true, isAnswered: true },
  away: { failureClass: "transient", isWholeServer: true },
  broken: { failureClass: "transient", isWholeServer: false },
};

function findMeaning({ own, body }: Statement): FailureMeaning | undefined {
  const code = findCode(own, body);
  if (code !== undefined) return MEANING_OF_CODE.get(code);
  return (
    findStatusMeaning(own) ?? findCurlMeaning(own) ?? WORDS.find(({ pattern }) => pattern.test(own))?.means
  );
}

const CODES = [...MEANING_OF_CODE.keys()].join("|");

/**
 * The forms of an error code in an answer, and in a tool's output. A word that only looks like a code does
 * not count.
 */
const ANSWER_FORMS: readonly RegExp[] = [
  new RegExp(`<Code>(${CODES})</Code>`, "u"),
  new RegExp(`"(?:[Cc]ode|__type|error)": ?"(${CODES})"`, "u"),
];
const TOOL_FORMS: readonly RegExp[] = [
  new RegExp(`\\bExceptionName: (${CODES})\\b`, "u"),
  new RegExp(`\\((${CODES})\\)`, "u"),
  new RegExp(`(?:^|: )(${CODES})(?::|$)`, "mu"),
];

function findCode(own: string, body: string): string | undefined {
  const unquoted = own.replaceAll(/'[^'\n]{0,2000}'/gu, "''");
  for (const form of ANSWER_FORMS) {
    const found = form.exec(body) ?? form.exec(unquoted);
    if (found !== null) return found[1];
  }
  for (const form of TOOL_FORMS) {
    const found = form.exec(unquoted);
    if (found !== null) return found[1];
  }
  return undefined;
}

/** How tools write a status: nix and attic, servant and reqwest, and as a line of the protocol. */
const STATUS_FORMS: readonly RegExp[] = [
  /\bHTTP (?:error|status)?(?: code)?:? ?([1-5]\d\d)\b/iu,
  /\bstatus(?: ?code)?(?::| =)? ?([45]\d\d)\b/iu,
  /"code": ?([45]\d\d)\b/u,
  /\b([45]\d\d) (?:[A-Z][a-z]+[ -]?){1,4}/u,
];

/** The first status is that of the answer; a page after it may mention others. */
function findStatusMeaning(text: string): FailureMeaning | undefined {
  for (const form of STATUS_FORMS) {
    const status = Number(form.exec(text)?.[1] ?? Number.NaN);
    if (status >= 400) return STATUSES[status] ?? (status < 500 ? "refused" : "broken");
    // For 100 to 399, curl tells what went wrong.
    if (status >= 100) return undefined;
  }
  return undefined;
}

/** Nix quotes curl's number in brackets, sometimes without words. */
const CURL_NUMBER = /\bunable to (?:upload|download) '[^'\n]{0,2000}':[^\n]{0,300}?\((\d{1,3})\)/u;

function findCurlMeaning(text: string): FailureMeaning | undefined {
  const number = Number(CURL_NUMBER.exec(text)?.[1] ?? Number.NaN);
  const error =
    CURL_ERRORS.find(({ code }) => code === number) ?? CURL_ERRORS.find(({ words }) => words.test(text));
  return error?.means;
}

function toUnknown(outcome: ExecutionResult["outcome"]): Classified {
  return { failureClass: outcome === "timed-out" ? "transient" : "unknown", isWholeServer: false };
}

/** Whether a run failed because its credentials were refused, as far as its output tells. */
export function isCredentialFailure(result: ExecutionResult): boolean {
  return result.outcome === "failed" && classifyRun(result).failureClass === "credentials";
}

// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after, of which tools pass on the seconds.
function findRetryAfter(output: string): number | undefined {
  const seconds = /\bretry[- ]after[:=]? *"?(\d{1,6})\b/iu.exec(output)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
