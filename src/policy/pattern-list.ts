import { quoteName } from "../core/text.ts";
import type { MatchedRule } from "./decision.ts";
import { type CompiledPattern, compilePattern, type PatternKind } from "./pattern.ts";
import { rememberNames } from "./remember-names.ts";

/** What is reported about a name that no pattern matches. */
interface Denial {
  readonly message: string;
  readonly lowerCaseName: string;
  readonly isLowerCase: boolean;
}

const LISTS = { repository: "allowed_repos", branch: "allowed_branches" } as const;

const toDenial = (name: string, subject: string): Denial => ({
  message: `${subject} ${quoteName(name)} is not allowed`,
  lowerCaseName: name.toLowerCase(),
  isLowerCase: name.toLowerCase() === name,
});

const DENIALS = {
  repository: rememberNames((name) => toDenial(name, "Repository")),
  branch: rememberNames((name) => toDenial(name, "Branch")),
};

/** A list of patterns, as in the configuration. */
export class PatternList {
  readonly #patterns: readonly CompiledPattern[];
  /**
   * For each pattern, a place in its prefix and the code unit there: the last one that is not a slash. It
   * distinguishes most names faster than comparing texts. The place is -1 if the prefix is empty.
   */
  readonly #marks: readonly number[];
  readonly #rules: readonly MatchedRule[];
  readonly #denial: (name: string) => Denial;
  /** Whether a name in lower case may match a pattern that does not match it as written. */
  readonly #hasUpperCase: boolean;

  /** @throws {@link PermissionError} `ERR_PATTERN_INVALID` */
  constructor(kind: PatternKind, sources: readonly string[]) {
    const list = LISTS[kind];
    this.#patterns = sources.map((source) => compilePattern(kind, source));
    this.#marks = this.#patterns.flatMap(({ prefix }) => {
      const place = prefix.length - (prefix.endsWith("/") ? 2 : 1);
      return [place, prefix.charCodeAt(place)];
    });
    this.#rules = sources.map((pattern, index) => Object.freeze({ list, pattern, index }));
    this.#denial = DENIALS[kind];
    this.#hasUpperCase = sources.some((source) => source !== source.toLowerCase());
  }

  /** Whether it matches no name. */
  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** The first pattern that matches the whole name. */
  find(name: string): MatchedRule | undefined {
    const marks = this.#marks;
    for (let index = 0; index < marks.length; index += 2) {
      const place = marks[index] ?? -1;
      // A name that ends before the place does not match. Reading a code unit beyond its end would be slow.
      if (place >= 0 && (place >= name.length || name.charCodeAt(place) !== marks[index + 1])) continue;
      if (this.#patterns[index / 2]?.matches(name)) return this.#rules[index / 2];
    }
    return undefined;
  }

  /** Why a name that no pattern matches is denied, and the pattern that it differs from only by case. */
  explainDenial(name: string): string {
    const { message, lowerCaseName, isLowerCase } = this.#denial(name);
    if (!this.#hasUpperCase && isLowerCase) return message;
    const near = this.#patterns.find((pattern) => pattern.matchesIgnoringCase(name, lowerCaseName));
    if (near === undefined) return message;
    return `${message}; it differs only by case from the allowed ${near.source}`;
  }
}
