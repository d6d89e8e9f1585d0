import { escapeText, quoteName } from "../../core/text.ts";
import type { Diagnostic } from "./diagnostic.ts";

/**
 * How {@link formatDiagnostic} prints.
 *
 * | style | form |
 * |---|---|
 * | `line` | `source:line:column: severity[code]: message (at path). Hint` |
 * | `frame` | the same without the hint, then the line of the file with a caret and the hint below; values are `***` |
 * | `annotation` | a workflow command (`::error file=…,line=…::…`) as GitHub, Gitea and Forgejo read it from a job's output |
 *
 * @public
 */
export type DiagnosticStyle = "line" | "frame" | "annotation";

/**
 * Options of {@link formatDiagnostic}.
 *
 * @example
 * ```ts
 * const options: FormatDiagnosticOptions = { style: "annotation" };
 * ```
 *
 * @public
 */
export interface FormatDiagnosticOptions {
  /** How to print; default `line`. */
  readonly style?: DiagnosticStyle | undefined;
}

/**
 * Prints a diagnostic for people or for a CI system. No style repeats a value of the file.
 *
 * @param diagnostic - any diagnostic
 * @param options - how to print it
 * @returns printable ASCII; one line, except for the style `frame`
 *
 * @example
 * ```ts
 * const result = safeParseServerConfig(text, { source: "ekaci.toml" });
 * for (const diagnostic of result.diagnostics) console.error(formatDiagnostic(diagnostic, { style: "frame" }));
 * ```
 *
 * @public
 */
export function formatDiagnostic(diagnostic: Diagnostic, options: FormatDiagnosticOptions = {}): string {
  switch (options.style ?? "line") {
    case "line":
      return formatLine(diagnostic);
    case "frame":
      return formatFrame(diagnostic);
    case "annotation":
      return formatAnnotation(diagnostic);
  }
}

function formatLine(diagnostic: Diagnostic): string {
  const hint = diagnostic.hint === undefined ? "" : `. ${escapeText(diagnostic.hint)}`;
  return `${formatHead(diagnostic)}${hint}`;
}

function formatHead({ source, range, severity, code, message, path }: Diagnostic): string {
  const place = range === undefined ? "" : `:${range.start.line}:${range.start.column}`;
  return escapeText(`${source}${place}: ${severity}[${code}]: ${message}${formatAt(path)}`);
}

function formatAt(path: Diagnostic["path"]): string {
  return path.length === 0 ? "" : ` (at ${formatPath(path)})`;
}

function formatFrame(diagnostic: Diagnostic): string {
  const { range, excerpt, hint } = diagnostic;
  const lines = [formatHead(diagnostic)];
  const number = range === undefined ? "" : String(range.start.line);
  const margin = " ".repeat(number.length);
  if (excerpt !== undefined) {
    const caret = `${" ".repeat(excerpt.start)}${"^".repeat(excerpt.length)}`;
    lines.push(`${margin} |`, `${number} | ${escapeText(excerpt.text)}`, `${margin} | ${caret}`);
  }
  if (hint !== undefined) lines.push(`${margin} = hint: ${escapeText(hint)}`);
  return lines.join("\n");
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
function formatAnnotation({ severity, code, source, message, path, range, hint }: Diagnostic): string {
  const properties = [`file=${escapeProperty(source)}`];
  if (range !== undefined) {
    const { start, end } = range;
    properties.push(`line=${start.line}`, `endLine=${end.line}`);
    // Columns apply only to a place on one line.
    if (end.line === start.line)
      properties.push(`col=${start.column}`, `endColumn=${Math.max(end.column - 1, start.column)}`);
  }
  properties.push(`title=${code}`);
  const text = `${message}${formatAt(path)}${hint === undefined ? "" : `. ${hint}`}`;
  return `::${severity} ${properties.join(",")}::${escapeText(text).replaceAll("%", "%25")}`;
}

function escapeProperty(value: string): string {
  return escapeText(value).replaceAll("%", "%25").replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** Writes a key path as one would type it: `caches[0].credentials`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const name = /^[A-Za-z0-9_-]{1,64}$/u.test(key) ? key : `"${quoteName(key, 64)}"`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
