import { findEnvironmentNameProblem, showCredentialName } from "../core/environment-name.ts";
import { CredentialError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import { decodeUtf8, hasControlCharacter } from "../core/text.ts";

/** Where a text came from, for messages. */
export interface TextOrigin {
  /** The `type` of the source. */
  readonly sourceType: string;
  /** The name of the text, such as `/etc/eka-ci/cache-credentials`. */
  readonly name: string;
}

/**
 * Reads `KEY=VALUE` lines by a strict grammar, on which systemd's EnvironmentFile and dotenv agree:
 *
 * - UTF-8, a leading BOM is dropped, lines end with LF or CRLF
 * - blank lines and lines that begin with `#` or `;` are skipped
 * - an optional `export `, a variable name, `=`, and a value, trimmed
 * - `'…'` is literal; in `"…"` a backslash escapes `\ " $` and backtick; unquoted text is literal, `#`
 *   included
 *
 * Everything else is refused, including a bare value. The text before the `=` of a padded token is the token,
 * so a key is named only if it has a value and the form of a variable's name.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_MALFORMED`
 */
export function parseKeyValue(bytes: Uint8Array, origin: TextOrigin): ReadonlyMap<string, Secret> {
  const fail = (problem: string): never => {
    throw new CredentialError("ERR_CREDENTIAL_MALFORMED", origin.sourceType, `${origin.name}: ${problem}`);
  };
  const text = decodeUtf8(bytes) ?? fail("the content is not UTF-8");
  const hint = findFormatHint(text);
  if (hint !== undefined) fail(hint);
  const values = new Map<string, Secret>();
  for (const [index, line] of text.split(/\r?\n/u).entries()) {
    const where = `line ${index + 1}`;
    const entry = parseLine(trim(line));
    if (entry === undefined) continue;
    if (typeof entry === "string") return fail(`${where}${entry}`);
    const problem = findEntryProblem(entry) ?? (values.has(entry.key) ? "is given twice" : undefined);
    if (problem !== undefined) fail(`${where}: ${showCredentialName(entry.key)} ${problem}`);
    values.set(entry.key, new Secret(entry.value));
  }
  return values.size === 0 ? fail("there is no KEY=VALUE line") : values;
}

function findFormatHint(text: string): string | undefined {
  const start = text.trimStart();
  if (start.startsWith("{")) return "this is JSON; a credential file has KEY=VALUE lines";
  if (start.startsWith("[")) return "this is an INI file; name it with the source aws-profile instead";
  return undefined;
}

interface Entry {
  readonly key: string;
  readonly value: string;
}

// What follows the place of a line, with its separator.
const NO_ENTRY = " is not KEY=VALUE; a file or credential with one bare value cannot be used";

// Other white space belongs to the value, and is refused there.
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/gu, "");
}

/** An entry, nothing for a line to skip, or what is wrong with the line. */
function parseLine(line: string): Entry | string | undefined {
  if (line === "" || line.startsWith("#") || line.startsWith(";")) return undefined;
  const [, key, rest] = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,127})[ \t]*=(.*)$/su.exec(line) ?? [];
  if (key === undefined || rest === undefined || /^[= \t]*$/u.test(rest)) return NO_ENTRY;
  const value = parseValue(trim(rest));
  return typeof value === "string" ? { key, value } : `: ${key} ${value.problem}`;
}

function parseValue(text: string): string | { readonly problem: string } {
  if (text.startsWith("'")) {
    const quoted = /^'([^']*)'$/u.exec(text)?.[1];
    return quoted ?? { problem: "has a quote that is not closed, or text behind it" };
  }
  if (text.startsWith('"')) {
    const quoted = /^"((?:[^"\\]|\\["\\$`])*)"$/u.exec(text)?.[1];
    return (
      quoted?.replace(/\\(.)/gu, "$1") ?? {
        problem: 'has a quote that is not closed, or an escape other than \\\\ \\" \\$ \\`',
      }
    );
  }
  return text.includes("\\") ? { problem: "has a backslash; put the value in single quotes" } : text;
}

function findEntryProblem({ key, value }: Entry): string | undefined {
  const problem = findEnvironmentNameProblem(key);
  if (problem !== undefined) return problem;
  if (value === "") return "is empty";
  return hasControlCharacter(value) ? "has a control character" : undefined;
}
