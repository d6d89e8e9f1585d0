import { MEANING_OF_CODE } from "../core/cloud-codes.ts";
import { HttpError, PushError } from "../core/errors.ts";
import type { ServerAnswer } from "../core/server-answer.ts";
import type { HttpResponse } from "../host/http-client.ts";
import { parseRetryAfter } from "../host/retry-after.ts";

/** Most of an answer in which a code is looked for, in bytes. */
const MAX_READ = 4_096;

/** A cache refused a request, or gave no whole answer. */
export class CacheAnswerError extends PushError {
  readonly answer: ServerAnswer;

  constructor(message: string, answer: ServerAnswer, storePaths?: readonly string[]) {
    super("ERR_PUSH_FAILED", message, storePaths);
    this.answer = answer;
  }

  /** The same with what helps to understand it. */
  explained(by: string): CacheAnswerError {
    return new CacheAnswerError(`${this.message}; ${by}`, this.answer, this.storePaths);
  }

  /** The same about some store paths. */
  about(storePaths: readonly string[]): CacheAnswerError {
    return new CacheAnswerError(this.message, this.answer, storePaths);
  }
}

/**
 * What a cache answered. A server may write anything into its answer, also what it was sent: of that, only
 * codes that are known are shown.
 */
export function toAnswerError(request: string, response: HttpResponse, now: number): CacheAnswerError {
  const { status, headers, body } = response;
  const text = new TextDecoder().decode(body.subarray(0, MAX_READ));
  const said = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/u.exec(text)?.[1] ?? "";
  const code = MEANING_OF_CODE.has(said) ? said : undefined;
  const message = `${request}: HTTP ${status}${code === undefined ? "" : ` ${code}`}`;
  return new CacheAnswerError(message, { status, code, retryAfterMs: parseRetryAfter(headers, now) });
}

/** A request that got no whole answer; anything else passes through. */
export function toConnectionError(request: string, error: unknown): unknown {
  if (!(error instanceof HttpError)) return error;
  const { systemCode } = error;
  const message = `${request}: ${error.message}`;
  return new CacheAnswerError(message, { systemCode: systemCode ?? error.code });
}
