import { ConfigError } from "../errors.ts";
import { type Diagnostic, formatDiagnostic, type Problem, type SafeParseResult } from "./diagnostic.ts";

/**
 * Options of the `parse…` functions.
 *
 * @public
 */
export interface ParseConfigOptions {
  /** Name of the text in diagnostics; default `ekaci.toml` or `.eka-ci/config.json`. */
  readonly source?: string | undefined;
  /** Called with every diagnostic, warnings included, before a `parse…` function returns or throws. */
  readonly onDiagnostic?: DiagnosticListener | undefined;
}

/**
 * Takes diagnostics as they are found.
 *
 * @public
 */
export type DiagnosticListener = (diagnostic: Diagnostic) => void;

/** How many problems the message of an error lists; `diagnostics` has them all. */
const MAX_LISTED = 20;

/** A parse that ended before there was anything to use. */
export function failParse(source: string, problems: readonly Problem[]): SafeParseResult<never> {
  return { success: false, diagnostics: toDiagnostics(source, problems) };
}

/** Ends a parse: usable if no problem is an error. */
export function finishParse<T>(
  source: string,
  problems: readonly Problem[],
  build: () => T | undefined,
): SafeParseResult<T> {
  const diagnostics = toDiagnostics(source, problems);
  if (problems.some((problem) => problem.severity === "error")) return { success: false, diagnostics };
  const output = build();
  if (output === undefined) throw new TypeError("A text without errors yielded no configuration");
  return { success: true, output, diagnostics };
}

/** Hands out the diagnostics of a parse, and returns its output or throws them all. */
export function unwrap<T>(result: SafeParseResult<T>, onDiagnostic: DiagnosticListener | undefined): T {
  for (const diagnostic of result.diagnostics) onDiagnostic?.(diagnostic);
  if (result.success) return result.output;
  const errors = result.diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  const listed = errors.slice(0, MAX_LISTED).map((diagnostic) => `\n  ${formatDiagnostic(diagnostic)}`);
  const more = errors.length > MAX_LISTED ? `\n  and ${errors.length - MAX_LISTED} more` : "";
  const count = errors.length === 1 ? "1 problem" : `${errors.length} problems`;
  throw new ConfigError(
    "ERR_CONFIG_INVALID",
    `The configuration has ${count}:${listed.join("")}${more}`,
    result.diagnostics,
  );
}

function toDiagnostics(source: string, problems: readonly Problem[]): readonly Diagnostic[] {
  return problems.map((problem) => ({ ...problem, source })).sort(byPlace);
}

// Problems of one cache stand together, in the order of the file's arrays; elsewhere the order of the checks stays.
function byPlace(a: Diagnostic, b: Diagnostic): number {
  return toRank(a) - toRank(b);
}

function toRank({ path }: Diagnostic): number {
  const [first, second] = path;
  return first === "caches" && typeof second === "number" ? second + 1 : 0;
}
