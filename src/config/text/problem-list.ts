import type { Problem } from "./diagnostic.ts";

/** How many problems of a text are kept; a hostile text could have millions. */
const MAX_PROBLEMS = 10_000;

interface Numbered {
  readonly order: number;
  readonly problem: Problem;
}

/**
 * Keeps the first problems of a text, errors before warnings, and counts the others instead of keeping them.
 */
export class ProblemList {
  readonly #errors: Numbered[] = [];
  readonly #warnings: Numbered[] = [];
  #count = 0;

  constructor(problems: readonly Problem[] = []) {
    this.add(problems);
  }

  /** Appends problems. */
  add(problems: readonly Problem[]): void {
    for (const problem of problems) {
      const kept = problem.severity === "error" ? this.#errors : this.#warnings;
      if (kept.length < MAX_PROBLEMS) kept.push({ order: this.#count, problem });
      this.#count++;
    }
  }

  /** Those that are listed, in the order they came. */
  get listed(): readonly Problem[] {
    const kept = [...this.#errors, ...this.#warnings].slice(0, MAX_PROBLEMS);
    return kept.sort((a, b) => a.order - b.order).map(({ problem }) => problem);
  }

  /** How many are not listed. */
  get unlisted(): number {
    return this.#count - Math.min(this.#errors.length + this.#warnings.length, MAX_PROBLEMS);
  }

  /** Whether further problems are only counted, so that they need no explanation. */
  get isFull(): boolean {
    return this.#errors.length === MAX_PROBLEMS;
  }

  /** Whether one of them prevents the text from being used. */
  get hasError(): boolean {
    return this.#errors.length > 0;
  }
}
