import { readMember, toMembers } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";

/** Context that is stored with a request, but is not part of it. */
export interface StoredContext {
  /** The trace of the request. */
  readonly traceparent?: string | undefined;
}

/** Writes it for a journal; nothing if it is empty. */
export function writeContext({ traceparent }: StoredContext): string | undefined {
  return traceparent === undefined ? undefined : JSON.stringify({ traceparent });
}

/** Reads it. Invalid members are ignored, because they decide nothing. */
export function readContext(text: string | undefined): StoredContext {
  const traceparent = text === undefined ? undefined : readMember(toMembers(parseJson(text)), "traceparent");
  return typeof traceparent === "string" ? { traceparent } : {};
}
