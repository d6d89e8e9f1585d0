/** PostgreSQL keeps no text with a NUL in it. Ids and requests that this package writes have none; what a tool printed may. */
export function toStored(text: string | undefined): string | null {
  return text === undefined ? null : text.replaceAll("\u0000", "\ufffd");
}
