/** A script as a sequence of commands, or nothing if it does more than that. */
export type ShellCommands = readonly (readonly string[])[];

/**
 * Splits a script into commands and words, as POSIX sh does (XCU 2.2, 2.3 and 2.9.3), as far as possible
 * without execution: quotes, escapes, comments, line ends, `;` and `&&`. It gives up at pipes, redirections,
 * substitutions and groups. Variables stay as written.
 */
export function splitShellScript(script: string): ShellCommands | undefined {
  const commands: string[][] = [[]];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) commands.at(-1)?.push(word);
    word = undefined;
  };
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < script.length) {
    const token = TOKEN.exec(script)?.groups;
    if (token === undefined) return undefined;
    const text = unquote(token);
    if (text !== undefined) word = `${word ?? ""}${text}`;
    else if (token["comment"] !== undefined && word !== undefined) word += token["comment"];
    else endWord();
    if (token["end"] !== undefined) commands.push([]);
  }
  endWord();
  return commands.filter((command) => command.length > 0);
}

// Everything else stops the splitting: | & < > ( ) ` and $( outside single quotes.
const TOKEN =
  /(?<continued>\\\r?\n)|'(?<single>[^']*)'|"(?<double>(?:[^"\\`$]|\\[\s\S]|\$(?!\())*)"|\\(?<escaped>[\s\S])|(?<bare>(?:[^\s'"\\|&;<>()`$#]|\$(?!\())+)|(?<comment>#[^\n]*)|(?<end>;|&&|\r?\n)|(?<space>[ \t\r]+)/uy;

function unquote(token: Readonly<Record<string, string | undefined>>): string | undefined {
  const { single, double, escaped, bare } = token;
  if (token["continued"] !== undefined) return "";
  return single ?? double?.replaceAll(/\\(["\\$`])/gu, "$1").replaceAll(/\\\n/gu, "") ?? escaped ?? bare;
}
