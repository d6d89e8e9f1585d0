import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";

/** Errors about the source of a promotion, with its name. */
export class PromotionSourceErrors {
  readonly #cache: string;

  /** @param name - id of the cache */
  constructor(name: string) {
    this.#cache = `The cache '${quoteName(name)}'`;
  }

  /** The source lacks a path. @param also - who else does */
  lacks(path: string, also = ""): PushError {
    return new PushError("ERR_PROMOTION_SOURCE", `${this.#cache} lacks ${path}${also}; push it there first`, [
      path,
    ]);
  }

  /** The source could not be asked for a path. Other errors pass through. */
  unread(path: string, error: unknown): unknown {
    if (!(error instanceof CacheAnswerError)) return error;
    return new PushError("ERR_PROMOTION_SOURCE", `${this.#cache} cannot be read: ${error.message}`, [path]);
  }

  /** Its answer is not what was signed. @param what - a sentence about the cache, without its name */
  corrupt(what: string, storePaths?: readonly string[]): PushError {
    return new PushError("ERR_PROMOTION_CORRUPT", `${this.#cache} ${what}`, storePaths);
  }
}
