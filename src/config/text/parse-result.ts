import { ConfigError } from "./config-error.ts";
import type { Diagnostic, Problem, SafeParseResult } from "./diagnostic.ts";
import { formatDiagnostic } from "./format-diagnostic.ts";
import { type ProblemText, placeProblems } from "./place-problems.ts";
import { ProblemList } from "./problem-list.ts";

/**
 * Options of the `parse…` functions.
 *
 * @example
 * ```ts
 * parseServerConfig(toml, { source: "/etc/eka-ci/ekaci.toml", onDiagnostic: (diagnostic) => show(diagnostic) });
 * ```
 *
 * @public
 */
export interface ParseConfigOptions {
  /** Name of the text in diagnostics; default `ekaci.toml` or `.eka-ci/config.json`. */
  readonly source?: string | undefined;
  /**
   * Called with every warning, before a `parse…` function returns or throws. Errors are thrown instead.
   */
  readonly onDiagnostic?: DiagnosticListener | undefined;
}

/**
 * Receives diagnostics as they are found.
 *
 * @public
 */
export type DiagnosticListener = (diagnostic: Diagnostic) => void;

/** How many problems the message of an error lists; `diagnostics` has them all. */
const MAX_LISTED = 20;

/** A parse that failed before there was a value. */
export function failParse(about: ProblemText, problem: Problem): SafeParseResult<never> {
  return { success: false, diagnostics: placeProblems(new ProblemList([problem]), about) };
}

/** Ends a parse: usable if no problem is an error. */
export function finishParse<T>(
  about: ProblemText,
  problems: ProblemList,
  build: () => T | undefined,
): SafeParseResult<T> {
  const diagnostics = placeProblems(problems, about);
  if (problems.hasError) return { success: false, diagnostics };
  const output = build();
  if (output === undefined) throw new TypeError("A text without errors yielded no configuration");
  return { success: true, output, diagnostics };
}

/**
 * Passes on the warnings of a parse, then returns its output or throws. Nothing is reported twice.
 */
export function unwrap<T>(result: SafeParseResult<T>, onDiagnostic: DiagnosticListener | undefined): T {
  for (const diagnostic of result.diagnostics)
    if (diagnostic.severity === "warning") onDiagnostic?.(diagnostic);
  if (result.success) return result.output;
  throw toConfigError(result.diagnostics);
}

/** Creates one error for all problems; its message lists the first ones. */
export function toConfigError(diagnostics: readonly Diagnostic[]): ConfigError {
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  const listed = errors.slice(0, MAX_LISTED).map((diagnostic) => `\n  ${formatDiagnostic(diagnostic)}`);
  const more = errors.length > MAX_LISTED ? `\n  and ${errors.length - MAX_LISTED} more` : "";
  const count = errors.length === 1 ? "1 problem" : `${errors.length} problems`;
  const message = `The configuration has ${count}:${listed.join("")}${more}`;
  return new ConfigError("ERR_CONFIG_INVALID", message, diagnostics);
}
