import { quoteName } from "../../core/text.ts";

/** What stands in for a value that is not shown. */
export const MASK = "***";

// Forms of credentials that their issuers document, so that scanners can find them.
const SECRET_FORMS: readonly RegExp[] = [
  /(?:^|[^A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])/u, // AWS access key id
  /(?:^|[^A-Za-z0-9_])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/u, // JSON web token: Cachix, Attic, OIDC
  /(?:^|[^A-Za-z0-9_])hv[sbr]\.[A-Za-z0-9_-]{20,}/u, // Vault
  /^s\.[A-Za-z0-9]{24}$/u, // Vault up to 1.9
  /(?:^|[^A-Za-z0-9_])(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/u,
  /(?:^|[^A-Za-z0-9_])glpat-[A-Za-z0-9_-]{20,}/u,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/u,
  /:[A-Za-z0-9+/]{86}==/u, // Nix signing key: name and 64 bytes
];

/**
 * How much of a text is looked at, in UTF-16 units; the values of a configuration have at most half of it.
 */
const MAX_LENGTH = 8192;

/** A part of each of these forms; most texts contain none. */
const TRACE = /AKIA|ASIA|eyJ|hv[sbr]\.|^s\.|gh[opusr]_|github_pat_|glpat-|PRIVATE KEY|==/u;

/** Length of the shortest text of any of these forms, in UTF-16 units: an AWS access key id. */
const MIN_LENGTH = 20;

/** Whether a text contains something in the form of a credential. */
export function holdsSecret(text: string): boolean {
  if (text.length < MIN_LENGTH || !TRACE.test(text)) return false;
  const head = text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text;
  return SECRET_FORMS.some((form) => form.test(head));
}

/** Length of an AWS secret access key. */
const AWS_SECRET_LENGTH = 40;

/** Whether a text in place of a variable's name looks like its value. */
export function looksLikeSecretValue(text: string): boolean {
  // An AWS secret access key: 40 characters of base64, mixed as no name is.
  const isAwsSecret =
    text.length === AWS_SECRET_LENGTH &&
    /^[A-Za-z0-9+/]*$/u.test(text) &&
    /[a-z]/u.test(text) &&
    /[A-Z]/u.test(text) &&
    /[0-9+/]/u.test(text);
  return isAwsSecret || holdsSecret(text);
}

/** Schemes whose user is not a secret, as in `git+ssh://git@host`. */
const LOGIN_SCHEME = /^(?:git\+)?ssh(?:-ng)?$|^sftp$/iu;

/**
 * Whether a text contains a URL with a user or a password, percent-encoded or not. The user of an SSH URL
 * alone does not count.
 */
export function hasUserInfo(text: string): boolean {
  if (!text.includes("@") && !text.includes("%40")) return false;
  const head = text
    .slice(0, MAX_LENGTH)
    .replaceAll(/%3a/giu, ":")
    .replaceAll(/%2f/giu, "/")
    .replaceAll(/%40/gu, "@");
  // An & ends the URL that is the value of a parameter.
  for (const [, scheme = "", userInfo = ""] of head.matchAll(/([a-z0-9+.-]{0,16}):\/\/([^/?#&\s@]*)@/giu))
    if (!LOGIN_SCHEME.test(scheme) || userInfo.includes(":")) return true;
  return false;
}

/** Whether a name must not be printed, because someone may have written a credential in its place. */
export function isUnshowable(name: string): boolean {
  return looksLikeSecretValue(name) || hasUserInfo(name);
}

/** A name as it may be printed. */
export function showName(name: string): string {
  return isUnshowable(name) ? MASK : name;
}

/** Quotes the name of a key for a message, unless it must not be printed. */
export function quoteKey(key: string | number | undefined): string {
  return quoteName(showName(String(key)), 64);
}
