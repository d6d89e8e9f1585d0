import { MEANING_OF_CODE } from "../core/cloud-codes.ts";
import { HttpError, PushError } from "../core/errors.ts";
import type { ServerAnswer } from "../core/server-answer.ts";
import type { HttpResponse } from "../host/http-client.ts";
import { parseRetryAfter } from "../host/retry-after.ts";

/** How much of an answer is searched for a code, in bytes. */
const MAX_READ = 4_096;

/** A cache refused a request, or did not complete its answer. */
export class CacheAnswerError extends PushError {
  readonly answer: ServerAnswer;

  constructor(message: string, answer: ServerAnswer, storePaths?: readonly string[]) {
    super("ERR_PUSH_FAILED", message, storePaths);
    this.answer = answer;
  }

  /** The same error with an explanation. */
  explained(by: string): CacheAnswerError {
    return new CacheAnswerError(`${this.message}; ${by}`, this.answer, this.storePaths);
  }

  /** The same about some store paths. */
  about(storePaths: readonly string[]): CacheAnswerError {
    return new CacheAnswerError(this.message, this.answer, storePaths);
  }
}

/**
 * The answer of a cache. A server may write anything into its answer, including what it was sent, so only
 * known codes are shown.
 */
export function toAnswerError(request: string, response: HttpResponse, now: number): CacheAnswerError {
  const { status, headers, body } = response;
  const text = new TextDecoder().decode(body.subarray(0, MAX_READ));
  const said = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/u.exec(text)?.[1] ?? "";
  const code = MEANING_OF_CODE.has(said) ? said : undefined;
  const message = `${request}: HTTP ${status}${code === undefined ? "" : ` ${code}`}`;
  return new CacheAnswerError(message, { status, code, retryAfterMs: parseRetryAfter(headers, now) });
}

/** A request without a complete answer; other errors pass through. */
export function toConnectionError(request: string, error: unknown): unknown {
  if (!(error instanceof HttpError)) return error;
  const { systemCode } = error;
  const message = `${request}: ${error.message}`;
  return new CacheAnswerError(message, { systemCode: systemCode ?? error.code });
}
