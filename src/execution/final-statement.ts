/** What a tool prints about the end of a run, and what a server wrote, which the tool shows below it. */
export interface Statement {
  readonly own: string;
  readonly body: string;
}

/** Lines about an attempt that the tool itself repeated. */
const REPEATED = /\bretrying in \d/u;
const ERROR = /^[ \t]*(?:error|Error):/u;
/** The line above a server's text, which Nix indents like this line. */
const BODY = /^([ \t]*)response body:[ \t\r]*$/u;

interface Line {
  readonly text: string;
  /** Whether a server wrote it. */
  readonly isBody: boolean;
}

/**
 * The part of an output that tells what ended the run: from the tool's last error line on. What the tool
 * repeated is left out, because it did not end the run. A line of a server never counts as one of the tool.
 *
 * @returns nothing if there is no error line
 */
export function findFinalStatement(output: string): Statement | undefined {
  const lines = toLines(output).filter((line) => line.isBody || !REPEATED.test(line.text));
  const last = lines.findLastIndex(({ text, isBody }) => !isBody && ERROR.test(text));
  return last === -1 ? undefined : toStatement(lines.slice(last));
}

/** An output without what the tool repeated. */
export function withoutRepeated(output: string): Statement {
  return toStatement(toLines(output).filter((line) => line.isBody || !REPEATED.test(line.text)));
}

/** A whole output. */
export function toWholeStatement(output: string): Statement {
  return toStatement(toLines(output));
}

/** An output from its first error line on, repeated or not. */
export function findFirstError(output: string): string | undefined {
  const lines = toLines(output);
  const first = lines.findIndex(({ text, isBody }) => !isBody && (ERROR.test(text) || REPEATED.test(text)));
  return first === -1 ? undefined : toStatement(lines.slice(first)).own;
}

function toLines(output: string): readonly Line[] {
  let indent: number | undefined;
  return output.split("\n").map((text) => {
    const isBody = indent !== undefined && (text.trim() === "" || indentOf(text) >= indent);
    if (!isBody) indent = BODY.exec(text)?.[1]?.length;
    return { text, isBody };
  });
}

function indentOf(text: string): number {
  return /^[ \t]*/u.exec(text)?.[0].length ?? 0;
}

function toStatement(lines: readonly Line[]): Statement {
  const join = (isBody: boolean): string =>
    lines.flatMap((line) => (line.isBody === isBody ? [line.text] : [])).join("\n");
  return { own: join(false), body: join(true) };
}
