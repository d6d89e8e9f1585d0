import type { CliContext } from "./cli-context.ts";

/**
 * Makes what the parser repeats of a command line safe: it cannot move the cursor or start a line, and shows
 * no login of a URL.
 */
function toHarmless(text: string): string {
  const plain = text.trimEnd().replaceAll(/\/\/[^\s/@]*@/gu, "//***@");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return plain.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/**
 * The process for the parser. Its messages about a wrong command line become errors like any other.
 */
export function createUsageProcess(
  host: Pick<NodeJS.Process, "stdout" | "stderr" | "env" | "exitCode">,
  isJson: boolean,
): CliContext["process"] {
  const tell = (text: string): void => {
    const message = toHarmless(text);
    if (message === "") return;
    const error = { error: { code: "ERR_USAGE", message }, diagnostics: [] };
    if (isJson) host.stdout.write(`${JSON.stringify(error, undefined, 2)}\n`);
    else host.stderr.write(`error: ${message}\n`);
  };
  return {
    stdout: host.stdout,
    stderr: { write: tell },
    env: host.env,
    get exitCode() {
      return host.exitCode ?? null;
    },
    set exitCode(code) {
      host.exitCode = code ?? undefined;
    },
  };
}
