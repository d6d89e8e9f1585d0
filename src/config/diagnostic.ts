import { escapeText, quoteName } from "../text.ts";

/**
 * Whether a problem stops the configuration from being used.
 *
 * @public
 */
export type DiagnosticSeverity = "error" | "warning";

/**
 * What a diagnostic is about, for programs.
 *
 * @public
 */
export type DiagnosticCode =
  | "toml-syntax"
  | "json-syntax"
  | "invalid-encoding"
  | "input-too-large"
  | "nesting-too-deep"
  | "file-not-found"
  | "file-unreadable"
  | "duplicate-key"
  | "unknown-key"
  | "missing-key"
  | "invalid-type"
  | "invalid-value"
  | "invalid-cache-id"
  | "duplicate-cache-id"
  | "duplicate-cache-reference"
  | "too-many-caches"
  | "invalid-destination"
  | "private-host"
  | "plaintext-destination"
  | "invalid-credentials"
  | "unknown-credential-source"
  | "insecure-file-permissions"
  | "invalid-pattern"
  | "unrestricted-permissions"
  | "ignored-permissions"
  | "ambiguous-permissions"
  | "no-repositories-allowed"
  | "no-branches-allowed"
  | "timeout-clamped"
  | "hooks-ignored";

/**
 * A place in a text.
 *
 * @public
 */
export interface SourcePosition {
  /** Line, from 1. */
  readonly line: number;
  /** Column in UTF-16 units, from 1. */
  readonly column: number;
  /** Offset in UTF-16 units, from 0. */
  readonly offset: number;
}

/**
 * A stretch of a text; `end` is behind its last character.
 *
 * @public
 */
export interface SourceRange {
  /** Where it begins. */
  readonly start: SourcePosition;
  /** Where it ends, exclusive. */
  readonly end: SourcePosition;
}

/**
 * One problem of a configuration. It never repeats a value of the file, which could be a secret; keys are named.
 *
 * @public
 */
export interface Diagnostic {
  /** What it is about. */
  readonly code: DiagnosticCode;
  /** An error stops the configuration from being used; a warning does not. */
  readonly severity: DiagnosticSeverity;
  /** One sentence for people. */
  readonly message: string;
  /** Name of the file or text. */
  readonly source: string;
  /** Keys and indexes that lead to the place; empty for the whole text. */
  readonly path: readonly (string | number)[];
  /** The place in the text, where it is known. */
  readonly range?: SourceRange | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
}

/** A problem without its source, as the checks report it. */
export type Problem = Omit<Diagnostic, "source">;

/**
 * The outcome of a `safeParse…` function.
 *
 * @public
 */
export type SafeParseResult<T> =
  | {
      /** The text is usable. */
      readonly success: true;
      /** The configuration. */
      readonly output: T;
      /** Its warnings. */
      readonly diagnostics: readonly Diagnostic[];
    }
  | {
      /** The text is not usable. */
      readonly success: false;
      /** All problems, at least one of them an error. */
      readonly diagnostics: readonly Diagnostic[];
    };

/**
 * Prints a diagnostic on one line: `source:line:column: severity[code]: message (at path). Hint`.
 *
 * @param diagnostic - any diagnostic
 * @returns printable ASCII
 *
 * @example
 * ```ts
 * const result = safeParseServerConfig(text, { source: "ekaci.toml" });
 * for (const diagnostic of result.diagnostics) console.error(formatDiagnostic(diagnostic));
 * ```
 *
 * @public
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { start } = diagnostic.range ?? {};
  const place = start === undefined ? "" : `:${start.line}:${start.column}`;
  const at = diagnostic.path.length === 0 ? "" : ` (at ${formatPath(diagnostic.path)})`;
  const hint = diagnostic.hint === undefined ? "" : `. ${diagnostic.hint}`;
  const { source, severity, code, message } = diagnostic;
  return escapeText(`${source}${place}: ${severity}[${code}]: ${message}${at}${hint}`);
}

/** Writes a key path as one would type it: `caches[0].credentials`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const name = /^[A-Za-z0-9_-]{1,64}$/u.test(key) ? key : `"${quoteName(key, 64)}"`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
