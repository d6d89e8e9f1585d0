import { ConfigError, formatDiagnostic, isCachesError } from "../decisions/index.ts";
import type { CliContext } from "./cli-context.ts";
import type { CommonFlags } from "./common-flags.ts";
import { CliError, EXIT, type ExitCode } from "./exit-codes.ts";
import { Output, show } from "./output.ts";

/** Runs a command and reports its end. Errors are printed as a sentence, without a stack. */
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
  const message = isKnown ? error.message : "An unexpected error occurred";
  const diagnostics = error instanceof ConfigError ? error.diagnostics : [];
  if (json) output.json({ error: { code, message }, diagnostics });
  else if (diagnostics.length > 0)
    for (const diagnostic of diagnostics) output.note(formatDiagnostic(diagnostic, { style: "frame" }));
  else output.note(`error: ${show(message)}`);
}

const AWAY =
  /^ERR_(?:JOURNAL_FAILED|CREDENTIAL_UNREACHABLE|CREDENTIAL_UNAVAILABLE|CREDENTIAL_RATE_LIMITED|HTTP_UNREACHABLE|PROBE_UNANSWERED)$/u;

/** The exit code for an error of the package. */
export function toExitCode(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (!isCachesError(error)) return EXIT.files;
  if (AWAY.test(error.code)) return EXIT.away;
  if (error.code === "ERR_PUSH_ID_CONFLICT") return EXIT.usage;
  if (error.code === "ERR_JOURNAL_UNAVAILABLE") return EXIT.files;
  return error.name === "PushError" ? EXIT.failed : EXIT.files;
}
