/** Lines that tell of an attempt that the tool itself repeated. */
const REPEATED = /\bretrying in \d/u;
const ERROR = /^\s*(?:error|Error):/u;

/**
 * The part of an output that says what ended the run: from its last error line on, so that a body of the server's that stands behind it
 * counts. What the tool repeated is left out, since it did not end the run.
 *
 * @returns nothing where no line says of itself that it is an error
 */
export function findFinalStatement(output: string): string | undefined {
  const lines = withoutRepeated(output).split("\n");
  const last = lines.findLastIndex((line) => ERROR.test(line));
  return last === -1 ? undefined : lines.slice(last).join("\n");
}

/** An output without what the tool repeated. */
export function withoutRepeated(output: string): string {
  return output
    .split("\n")
    .filter((line) => !REPEATED.test(line))
    .join("\n");
}

/** An output from its first line on that says of itself that it is an error, repeated or not. */
export function findFirstError(output: string): string | undefined {
  const lines = output.split("\n");
  const first = lines.findIndex((line) => ERROR.test(line) || REPEATED.test(line));
  return first === -1 ? undefined : lines.slice(first).join("\n");
}
