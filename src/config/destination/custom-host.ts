/** A URL of any scheme, with its authority. */
const ANY_URL = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/iu;

/** Schemes whose URLs some tools also accept without the two slashes, each in its own way. */
const ODD_URL = /^[a-z][a-z0-9+.-]*:\/|^(?:https?|s3|ssh|ssh-ng|file):/iu;

/** Where a destination of a custom type leads. */
export interface CustomHost {
  /** The host as a client would read it; empty for a file. */
  readonly host: string;
  /** In lower case; empty if there is none. */
  readonly scheme: string;
}

/**
 * Finds the host of a destination in any notation: a URL, `user@host:path`, or a name alone.
 *
 * @returns nothing for a text whose host clients may read differently
 */
export function findCustomHost(text: string): CustomHost | undefined {
  const [, written = "", authority] = ANY_URL.exec(text) ?? [];
  const scheme = written.toLowerCase();
  if (scheme === "file" && authority === "") return { host: "", scheme };
  if (authority === undefined && ODD_URL.test(text)) return undefined;
  const host = findHost(authority ?? text.replace(/[/?#].*$/u, ""));
  return host === undefined ? undefined : { host, scheme };
}

/** The host of `[user@]host[:port]`. */
function findHost(authority: string): string | undefined {
  const [last = "", ...users] = authority.split("@").reverse();
  const bare = last.replace(/:[^:\]]*$/u, "");
  if (users.length > 1 || /[%\\]/u.test(authority) || !URL.canParse(`https://${bare}`)) return undefined;
  return new URL(`https://${bare}`).hostname.replace(/^\[|\]$|\.$/gu, "");
}
