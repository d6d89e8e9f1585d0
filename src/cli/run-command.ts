import { ConfigError, formatDiagnostic, isCachesError } from "../index.ts";
import type { CliContext } from "./cli-context.ts";
import { CliError, type ExitCode, toExitCode } from "./exit-codes.ts";
import { Output, show } from "./output.ts";

/** Flags that every command has. */
export interface CommonFlags {
  readonly config?: string | undefined;
  readonly json: boolean;
}

/** Their description for the parser. */
export const COMMON_FLAGS = {
  config: {
    kind: "parsed",
    parse: String,
    brief: "The server's configuration; default as the server finds it",
    optional: true,
    placeholder: "file",
  },
  json: { kind: "boolean", brief: "Print the result as JSON", default: false },
} as const;

/** Runs a command, and tells what it ends with: errors have a sentence, and no stack. */
export async function runCommand(
  context: CliContext,
  { json }: Pick<CommonFlags, "json">,
  command: (output: Output) => Promise<ExitCode>,
): Promise<void> {
  const output = new Output(context);
  try {
    context.process.exitCode = await command(output);
  } catch (error) {
    tellError(error, json, output);
    context.process.exitCode = toExitCode(error);
  }
}

function tellError(error: unknown, json: boolean, output: Output): void {
  const isKnown = isCachesError(error) || error instanceof CliError;
  const code = isKnown ? error.code : "ERR_UNEXPECTED";
  const message = isKnown ? error.message : "Something went wrong that was not foreseen";
  const diagnostics = error instanceof ConfigError ? error.diagnostics : [];
  if (json) output.json({ error: { code, message }, diagnostics });
  else if (diagnostics.length > 0)
    for (const diagnostic of diagnostics) output.note(formatDiagnostic(diagnostic, { style: "frame" }));
  else output.note(`error: ${show(message)}`);
}
