import type picomatch from "picomatch";
import { lateModule } from "../core/late-module.ts";
import { quoteName } from "../core/text.ts";
import { isBranchName, MAX_NAME_LENGTH } from "./git-ref.ts";
import { PermissionError } from "./permission-error.ts";
import { isRepositoryName } from "./repository-name.ts";

/** What a pattern is matched against. `*` matches `/` in branches, but not in repositories. */
export type PatternKind = "branch" | "repository";

/** A pattern, ready to match. */
export class CompiledPattern {
  /** The pattern as it was written. */
  readonly source: string;
  readonly #kind: PatternKind;
  readonly #hasWildcard: boolean;
  /** The literal text before the first `*`. Most names that do not match differ here. */
  readonly prefix: string;
  readonly #lowerCasePrefix: string;
  readonly #expression: RegExp;
  #caseBlind: RegExp | undefined;

  /** @param source - a text in which {@link findPatternProblem} finds no problem */
  constructor(kind: PatternKind, source: string) {
    this.source = source;
    this.#kind = kind;
    this.#hasWildcard = source.includes("*");
    this.prefix = source.split("*", 1)[0] ?? "";
    this.#lowerCasePrefix = this.prefix.toLowerCase();
    this.#expression = toRegExp(kind, source);
  }

  /** Whether the whole name matches, by code unit. */
  matches(name: string): boolean {
    if (!this.#hasWildcard) return name === this.source;
    return name.startsWith(this.prefix) && this.#expression.test(name);
  }

  /**
   * Whether the name would match if case did not count. For explanations only.
   *
   * @param lowerCaseName - the same name in lower case
   */
  matchesIgnoringCase(name: string, lowerCaseName: string): boolean {
    if (!lowerCaseName.startsWith(this.#lowerCasePrefix)) return false;
    this.#caseBlind ??= new RegExp(toRegExp(this.#kind, this.source).source, "is");
    return this.#caseBlind.test(name);
  }
}

const loadPicomatch = lateModule<typeof picomatch>("picomatch");

const MAX_STARS = 2;

// Outside the grammar below, picomatch hangs, matches too much and backtracks. With these options `*` is the
// only special character that the grammar allows. `s` lets it match U+2028, which git allows in names.
// Options that must be off are written explicitly, because an absent one could be inherited from a polluted
// Object.prototype.
const OPTIONS: picomatch.PicomatchOptions = {
  contains: false,
  dot: true,
  flags: "s",
  keepQuotes: true,
  nobrace: true,
  nobracket: true,
  nocase: false,
  noextglob: true,
  noglobstar: true,
  nonegate: true,
  posix: false,
  unescape: false,
  windows: false,
};

/**
 * Patterns without a dot and with at most one wildcard: words separated by slashes. None is `HEAD` or begins
 * with `refs/`. Words that begin with a letter or digit need no further check.
 */
const PLAIN_PATTERNS: Readonly<Record<PatternKind, RegExp>> = {
  branch: /^(?!HEAD$|refs\/)[A-Za-z0-9][A-Za-z0-9_-]*(?:\/[A-Za-z0-9][A-Za-z0-9_-]*)*(?:\/\*)?$/u,
  repository:
    /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\/[A-Za-z0-9][A-Za-z0-9_-]*)*\/(?:\*|[A-Za-z0-9][A-Za-z0-9_-]*)$/u,
};

/**
 * Returns why a text is not a pattern, or nothing if it is one.
 *
 * The grammar: 1 to 255 characters of `[A-Za-z0-9._/*@=#,+-]`, no `**`, at most two `*`, and a valid name
 * once each `*` is replaced by a letter.
 */
export function findPatternProblem(kind: PatternKind, pattern: string): string | undefined {
  // Most patterns are this simple, and are recognised much faster.
  if (pattern.length <= MAX_NAME_LENGTH && PLAIN_PATTERNS[kind].test(pattern)) return undefined;
  if (pattern.length === 0) return "a pattern must not be empty";
  if (pattern.length > MAX_NAME_LENGTH) return `a pattern has at most ${MAX_NAME_LENGTH} characters`;
  if (!/^[A-Za-z0-9._/*@=#,+-]+$/u.test(pattern)) {
    return "a pattern holds letters, digits and . _ / * @ = # , + - only; * is the only wildcard";
  }
  if (pattern.includes("**")) return "** is not supported; one * is enough";
  if (pattern.split("*").length - 1 > MAX_STARS) return `a pattern has at most ${MAX_STARS} wildcards`;
  return findNameProblem(kind, pattern.replaceAll("*", "x"));
}

function findNameProblem(kind: PatternKind, name: string): string | undefined {
  switch (kind) {
    case "branch":
      if (name.startsWith("refs/heads/")) return "write the branch without refs/heads/";
      return isBranchName(name) ? undefined : "no branch that git accepts can match this pattern";
    case "repository":
      if (!name.includes("/")) return "a repository is owner/name, so this pattern can never match";
      return isRepositoryName(name) ? undefined : "no repository name can match this pattern";
  }
}

/**
 * Compiles a pattern.
 *
 * @throws {@link PermissionError} `ERR_PATTERN_INVALID`
 */
export function compilePattern(kind: PatternKind, source: string): CompiledPattern {
  const problem = findPatternProblem(kind, source);
  if (problem !== undefined) {
    throw new PermissionError(
      "ERR_PATTERN_INVALID",
      `Invalid ${kind} pattern ${quoteName(source)}: ${problem}`,
    );
  }
  return new CompiledPattern(kind, source);
}

// picomatch reads a run of `+` as "one or more"; escaped, each is itself.
function toRegExp(kind: PatternKind, source: string): RegExp {
  return loadPicomatch().makeRe(source.replaceAll("+", "\\+"), { ...OPTIONS, bash: kind === "branch" });
}
