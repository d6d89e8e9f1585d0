import type { HttpResponse } from "./http-client.ts";

/** Reads `Retry-After`, seconds or a date (RFC 9110, 10.2.3), as milliseconds. */
export function parseRetryAfter(headers: HttpResponse["headers"], now: number): number | undefined {
  const text = headers["retry-after"]?.trim() ?? "";
  if (/^\d{1,9}$/u.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}
