/**
 * Makes text from outside safe to print on one line of a log or terminal: everything but printable ASCII
 * becomes `\u{…}`, so that a line break, an escape code or a text-direction mark cannot forge or reorder a
 * line.
 *
 * Escaping twice changes nothing.
 *
 * @param text - any text, well formed or not
 * @returns text that matches `^[\x20-\x7e]*$`
 *
 * @example
 * ```ts
 * escapeText("main\n[INFO] forged"); // "main\\u{a}[INFO] forged"
 * ```
 *
 * @public
 */
export function escapeText(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Escapes and cuts a name from outside, so that a message about it stays one readable line. */
export function quoteName(name: string, maximum = 128): string {
  const escaped = escapeText(name);
  return escaped.length <= maximum ? escaped : `${escaped.slice(0, maximum)}...`;
}

/**
 * Decodes bytes as strict UTF-8, or returns nothing. A leading byte order mark is dropped unless it should be
 * kept.
 */
export function decodeUtf8(bytes: Uint8Array, { keepBom = false } = {}): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: keepBom }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a text holds a control character (C0, DEL or C1). */
export function hasControlCharacter(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\u0000-\u001f\u007f-\u009f]/u.test(text);
}

/**
 * Parses JSON, or returns nothing. The parser's own message is dropped, because it quotes the text.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Splits `name=value` at the first equals sign; without one the value is empty. */
export function splitAssignment(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
