import type { PlacePart, Span } from "./place.ts";

/**
 * Whether a problem prevents the configuration from being used.
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
  | "plaintext-address"
  | "plaintext-destination"
  | "invalid-credentials"
  | "unknown-cache-type"
  | "unknown-credential-source"
  | "insecure-file-permissions"
  | "invalid-pattern"
  | "unrestricted-permissions"
  | "ignored-permissions"
  | "ambiguous-permissions"
  | "no-repositories-allowed"
  | "no-branches-allowed"
  | "timeout-clamped"
  | "hooks-ignored"
  | "inline-secret"
  | "unknown-cache"
  | "push-denied"
  | "hard-coded-credential"
  | "untranslatable-command"
  | "incomplete-migration"
  | "too-many-problems";

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
 * A range of a text; `end` is exclusive.
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
 * The part of a line around a diagnostic: printable ASCII in which every value is `***` and comments are left
 * out.
 *
 * @public
 */
export interface SourceExcerpt {
  /** What is shown of the line. */
  readonly text: string;
  /** Where in `text` the place begins, from 0. */
  readonly start: number;
  /** How many characters of `text` it has, at least 1. */
  readonly length: number;
}

/**
 * One problem of a configuration. It never repeats a value of the file, which could be a secret; keys are
 * named.
 *
 * @public
 */
export interface Diagnostic {
  /** What it is about. */
  readonly code: DiagnosticCode;
  /** An error prevents the configuration from being used; a warning does not. */
  readonly severity: DiagnosticSeverity;
  /** One sentence for people. */
  readonly message: string;
  /** Name of the file or text. */
  readonly source: string;
  /** Keys and indexes that lead to the place; empty for the whole text. */
  readonly path: readonly (string | number)[];
  /** The place in the text; absent if there is no text, for example because the file cannot be read. */
  readonly range?: SourceRange | undefined;
  /** The line of that place, without its values. */
  readonly excerpt?: SourceExcerpt | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
}

/** A problem as the checks report it, before it is looked up in the text. */
export interface Problem {
  readonly code: DiagnosticCode;
  readonly severity: DiagnosticSeverity;
  readonly message: string;
  readonly path: readonly (string | number)[];
  /** Whether it is about the key or the value that `path` leads to; default the value. */
  readonly part?: PlacePart | undefined;
  /** The key that was probably meant instead of the one that is there. */
  readonly means?: string | undefined;
  /** The place, if `path` does not determine it. */
  readonly span?: Span | undefined;
  readonly hint?: string | undefined;
}

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
