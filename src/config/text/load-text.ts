import { fileURLToPath } from "node:url";
import { FileError } from "../../core/errors.ts";
import type { ReadFileOptions } from "../../host/file-system.ts";
import type { Runtime } from "../../host/runtime.ts";
import { ConfigError } from "./config-error.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { DiagnosticListener } from "./parse-result.ts";

/**
 * Options of the `load…` functions.
 *
 * @example
 * ```ts
 * const options: LoadConfigOptions = { onDiagnostic: (diagnostic) => log(formatDiagnostic(diagnostic)) };
 * ```
 *
 * @public
 */
export interface LoadConfigOptions {
  /** Ports to use instead of those of Node.js. */
  readonly runtime?: Partial<Runtime> | undefined;
  /**
   * Called with every warning, before the function returns or throws. Errors are thrown instead.
   */
  readonly onDiagnostic?: DiagnosticListener | undefined;
}

/** Reads a configuration file through the ports. */
export async function loadText(
  path: string | URL,
  runtime: Runtime,
  options: ReadFileOptions,
): Promise<{ readonly source: string; readonly bytes: Uint8Array }> {
  let source = String(path);
  try {
    if (typeof path !== "string") source = fileURLToPath(path);
    return { source, bytes: (await runtime.files.read(source, options)).bytes };
  } catch (error) {
    throw toLoadError(source, error);
  }
}

function toLoadError(source: string, error: unknown): ConfigError {
  const message = error instanceof FileError ? error.message : "The configuration file cannot be read";
  const missing = error instanceof FileError && error.code === "ERR_FILE_NOT_FOUND";
  const tooLarge = error instanceof FileError && error.code === "ERR_FILE_TOO_LARGE";
  const code = missing ? "file-not-found" : tooLarge ? "input-too-large" : "file-unreadable";
  const diagnostic: Diagnostic = { code, severity: "error", message, source, path: [] };
  return new ConfigError(toErrorCode(code), message, [diagnostic]);
}

function toErrorCode(code: Diagnostic["code"]): ConfigError["code"] {
  if (code === "file-not-found") return "ERR_CONFIG_NOT_FOUND";
  return code === "input-too-large" ? "ERR_CONFIG_INVALID" : "ERR_CONFIG_UNREADABLE";
}
