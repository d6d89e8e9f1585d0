import type { FailureText } from "../commands/command.ts";
import { type FailureMeaning, MEANING_OF_CODE } from "../core/cloud-codes.ts";
import type { ServerAnswer } from "../core/server-answer.ts";
import { CURL_ERRORS } from "./curl-codes.ts";
import type { ExecutionResult } from "./executor.ts";
import { STATUSES, WORDS } from "./failure-table.ts";
import { findFinalStatement, type Statement, toWholeStatement, withoutRepeated } from "./final-statement.ts";

/**
 * What a failure means for another attempt.
 *
 * | class | meaning | another attempt |
 * |---|---|---|
 * | `permanent` | the request or the path is at fault | would fail the same way |
 * | `transient` | the network or the server is, for now | may succeed later |
 * | `credentials` | the credentials were not accepted | may succeed with fresh ones |
 * | `unknown` | the output says nothing that is known | is worth one try |
 *
 * @public
 */
export type FailureClass = "permanent" | "transient" | "credentials" | "unknown";

/** What is told by the output of a run that failed. */
export interface RunFailure {
  readonly failureClass: FailureClass;
  /** Whether no path would fare better: the server cannot be reached, or asks for patience. */
  readonly isWholeServer: boolean;
  /** Whether the server was there and refused, so that it may be one path that it refuses. */
  readonly isAnswered?: boolean | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Says what a run that did not succeed means, as far as its output tells: by what ended the run, before what
 * came first. In it, a cloud's error code counts before a status, a status before curl's number, and words
 * last.
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
  // Who refuses the first file of a cache refuses the cache.
  const isWholeServer =
    failure.isWholeServer || (meaning === "refused" && ROOT_FILE.test((statement ?? whole).own));
  const retryAfterMs = failure.failureClass === "transient" ? findRetryAfter(output) : undefined;
  return { ...failure, isWholeServer, ...(failure.failureClass === "transient" ? { retryAfterMs } : {}) };
}

/** Adds what a failed run means by the texts of its tool's own. */
export function withOwnMeaning(run: ExecutionResult, texts: readonly FailureText[] = []): ExecutionResult {
  if (run.outcome === "succeeded" || texts.length === 0) return run;
  const output = `${run.stderr}\n${run.stdout}`.replaceAll(STORE_NAME, "");
  // `search` does not remember where it stopped, as `test` does with some flags.
  const found = texts.find(({ pattern }) => output.search(pattern) !== -1);
  return found === undefined ? run : { ...run, meaning: found.means };
}

/**
 * Says what an answer means, by the same table: a cloud's code before a status, and the system's code last.
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
  // A redirect leads where what is sent must not go.
  if (status !== undefined && status < 400) return "misconfigured";
  if (status !== undefined) return STATUSES[status] ?? (status < 500 ? "refused" : "broken");
  if (/CERT|ERR_TLS|ERR_SSL|EPROTO/u.test(systemCode ?? "")) return "misconfigured";
  return /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/u.test(systemCode ?? "")
    ? "away"
    : "broken";
}

/** Base names of store paths: whoever names a package must not decide what its failure means. */
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
 * How an error code stands in an answer, and in what a tool makes of it. A word that only looks like one says
 * nothing.
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

/** The first status is the answer's own; what follows may be a page that mentions others. */
function findStatusMeaning(text: string): FailureMeaning | undefined {
  for (const form of STATUS_FORMS) {
    const status = Number(form.exec(text)?.[1] ?? Number.NaN);
    if (status >= 400) return STATUSES[status] ?? (status < 500 ? "refused" : "broken");
    // Of 100 to 399 it is curl that says what went wrong.
    if (status >= 100) return undefined;
  }
  return undefined;
}

/** Curl's number stands in brackets where Nix quotes it, also without words. */
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

/** Whether a run failed since its credentials were not accepted, as far as its output tells. */
export function isCredentialFailure(result: ExecutionResult): boolean {
  return result.outcome === "failed" && classifyRun(result).failureClass === "credentials";
}

// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after, of which tools pass on the seconds.
function findRetryAfter(output: string): number | undefined {
  const seconds = /\bretry[- ]after[:=]? *"?(\d{1,6})\b/iu.exec(output)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
