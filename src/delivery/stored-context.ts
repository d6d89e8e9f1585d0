import { readMember, toMembers } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";

/** What goes along with a request, and is no part of it. */
export interface StoredContext {
  /** The trace that it belongs to. */
  readonly traceparent?: string | undefined;
}

/** Writes it for a journal; nothing where there is nothing to say. */
export function writeContext({ traceparent }: StoredContext): string | undefined {
  return traceparent === undefined ? undefined : JSON.stringify({ traceparent });
}

/** Reads it. What is none is left out: it decides nothing. */
export function readContext(text: string | undefined): StoredContext {
  const traceparent = text === undefined ? undefined : readMember(toMembers(parseJson(text)), "traceparent");
  return typeof traceparent === "string" ? { traceparent } : {};
}
