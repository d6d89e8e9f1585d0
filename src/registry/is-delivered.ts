import type { PushResult } from "./push-types.ts";

/** Whether nothing is left to do for a request at a cache. */
export function isDelivered({ status }: PushResult): boolean {
  return status === "pushed" || status === "upstream";
}
