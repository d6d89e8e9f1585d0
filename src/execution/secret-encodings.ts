/** Shortest text that is searched for; shorter ones would match parts of ordinary words. */
const MIN_LENGTH = 8;

/** The forms in which a tool may print a secret. */
export interface SecretEncodings {
  /** Forms that are searched for as they are. */
  readonly exact: readonly string[];
  /** Forms that tools break into lines, so space inside of them is ignored. */
  readonly wrappable: readonly string[];
}

/**
 * Lists the forms in which a tool may print a secret: as it is, inside JSON or TOML, inside a URL or form,
 * with every byte percent-encoded, in hexadecimal, and as base64 at each of the three places a byte can have
 * in it.
 *
 * @returns forms of at least 8 characters; none for a shorter secret
 */
export function toEncodings(secret: string): SecretEncodings {
  if (secret.length < MIN_LENGTH) return { exact: [], wrappable: [] };
  const text = secret.toWellFormed();
  const hex = Buffer.from(text).toString("hex");
  const percent = hex.replace(/../gu, "%$&");
  return {
    exact: select([secret, ...toJsonForms(text), ...toUrlForms(text)]),
    wrappable: select([
      ...[hex, hex.toUpperCase(), percent, percent.toUpperCase()],
      ...[0, 1, 2].flatMap((shift) => toBase64(text, shift)),
    ]),
  };
}

function select(forms: readonly string[]): readonly string[] {
  return [...new Set(forms)].filter((form) => form.length >= MIN_LENGTH);
}

/** As JavaScript, PHP, Python and Go write it: Python escapes all but ASCII, Go what could be HTML. */
function toJsonForms(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const toEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return [
    json,
    json.replaceAll("/", "\\/"),
    json.replace(/[^\x20-\x7e]/g, toEscape),
    json.replace(/[<>&\u2028\u2029]/g, toEscape),
  ];
}

function toUrlForms(text: string): readonly string[] {
  const url = encodeURIComponent(text);
  const strict = url.replace(/[!'()*]/gu, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams({ "": text }).toString().slice(1);
  const forms = [encodeURI(text), url, strict, toUserInfo(text), toPath(text), form];
  return forms.flatMap((written) => [written, lowerCaseCodes(written)]);
}

function lowerCaseCodes(text: string): string {
  return text.replace(/%[0-9A-F]{2}/gu, (code) => code.toLowerCase());
}

// As the WHATWG URL parser writes a password, and a path segment.
function toUserInfo(text: string): string {
  const url = new URL("http://host");
  url.password = text;
  return url.password;
}

function toPath(text: string): string {
  return encodeURI(text).replace(/[?#]/gu, (mark) => encodeURIComponent(mark));
}

// The characters that depend only on the secret, with `shift` unknown bytes before it and any after it.
function toBase64(text: string, shift: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]);
  const from = Math.ceil((shift * 8) / 6);
  const to = Math.floor((bytes.length * 8) / 6);
  return [bytes.toString("base64"), bytes.toString("base64url")].map((encoded) => encoded.slice(from, to));
}
