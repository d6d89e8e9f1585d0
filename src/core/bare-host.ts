/** A host as addresses are compared: the WHATWG URL parser writes IPv6 in brackets. */
export function toBareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/gu, "");
}
