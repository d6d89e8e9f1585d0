import type picomatch from "picomatch";
import { lateModule } from "../core/late-module.ts";
import { quoteName } from "../core/text.ts";
import { isBranchName, MAX_NAME_LENGTH } from "./git-ref.ts";
import { PermissionError } from "./permission-error.ts";
import { isRepositoryName } from "./repository-name.ts";

/** What a pattern is matched against: in branches `*` crosses `/`, in repositories it does not. */
export type PatternKind = "branch" | "repository";

/** A pattern, ready to match. */
export class CompiledPattern {
  /** The pattern as it was written. */
  readonly source: string;
  readonly #kind: PatternKind;
  readonly #hasWildcard: boolean;
  /** What stands before the first `*`. Every character of it is itself, and most names fail there already. */
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
   * Whether the name would match if letter case did not count. For explanations only.
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

// Outside the grammar below picomatch hangs, over-matches and backtracks. These options leave `*` as the only
// special character that the grammar lets through, and `s` lets it match U+2028, which git allows in names.
// Options that must stay off are written down: one absent could be inherited from a polluted
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
 * Patterns without a dot, of at most one wildcard: words with a slash between. None is `HEAD` or begins with
 * `refs/`, and words that begin with a letter or digit need no further look.
 */
const PLAIN_PATTERNS: Readonly<Record<PatternKind, RegExp>> = {
  branch: /^(?!HEAD$|refs\/)[A-Za-z0-9][A-Za-z0-9_-]*(?:\/[A-Za-z0-9][A-Za-z0-9_-]*)*(?:\/\*)?$/u,
  repository:
    /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\/[A-Za-z0-9][A-Za-z0-9_-]*)*\/(?:\*|[A-Za-z0-9][A-Za-z0-9_-]*)$/u,
};

/**
 * Says why a text is no pattern, or nothing if it is one.
 *
 * The grammar: 1 to 255 characters of `[A-Za-z0-9._/*@=#,+-]`, no `**`, at most two `*`, and a valid name
 * once each `*` is replaced by a letter.
 */
export function findPatternProblem(kind: PatternKind, pattern: string): string | undefined {
  // Most patterns are as plain as this, and are told at a fraction of the cost.
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
