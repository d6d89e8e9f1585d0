import { PushError } from "../core/errors.ts";
import { readMember, toMembers } from "../core/own-member.ts";

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const HINTS: Readonly<Record<string, string>> = {
  "25006": "the server is a standby, or was demoted; connect to the primary",
  "28000": "the server refuses the user; check user and password of the connection",
  "28P01": "the server refuses the password; check that of the connection",
  "3D000": "there is no such database; create it, or check the name in the connection",
  "3F000": "the schema is gone; start the host anew, which creates it, or restore it from a backup",
  "42P01": "a table is gone; restore the schema from a backup, or drop it and start the host anew",
  "42501":
    "the user lacks a right; it needs CREATE on the database for the first start, or a schema that it owns, then SELECT, INSERT, UPDATE and DELETE on the tables",
  "53100": "the server's disk is full; make room there",
  "53300": "the server has no connection left; raise max_connections, or use fewer hosts or a smaller pool",
  "55P03": "another host held a row for too long; look for sessions that stand still in pg_stat_activity",
  "57014": "the statement took too long; look at the server's load",
  "57P01": "the server is shutting down; it is asked again",
  "57P02": "the server has crashed and recovers; it is asked again",
  "57P03": "the server is starting; it is asked again",
};
const DAMAGED: ReadonlySet<string> = new Set(["XX001", "XX002"]);
/** Deadlocks and conflicts of transactions: nothing was done, and a retry may succeed. */
const REPEATABLE: ReadonlySet<string> = new Set(["40001", "40P01"]);
const LOCK_TIMEOUT = "55P03";

/** An exceeded timeout. */
export const QUERY_TIMEOUT = "QUERY_TIMEOUT";

function codeOf(error: unknown): string {
  const code = readMember(toMembers(error), "code");
  return typeof code === "string" && /^[A-Z0-9_]{3,30}$/u.test(code) ? code : "";
}

/** Whether a transaction was undone by another one. */
export function isRepeatable(error: unknown): boolean {
  return REPEATABLE.has(codeOf(error));
}

/** Whether others held a row for too long. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_TIMEOUT;
}

/**
 * Turns what `pg` or a pool threw into an error of this package. Its message may contain values, so only its
 * code is reported.
 *
 * @param server - the address of the server, for people
 */
export function toJournalError(error: unknown, server: string): PushError {
  if (error instanceof PushError) return error;
  const code = codeOf(error);
  if (DAMAGED.has(code)) {
    const hint = "stop every host, check it with pg_amcheck, and REINDEX it or restore it from a backup";
    return new PushError("ERR_JOURNAL_CORRUPT", `The journal at ${server} is damaged (${code}); ${hint}`);
  }
  const reason = HINTS[code] ?? toReason(code);
  const named = code === "" ? "" : ` (${code})`;
  return new PushError("ERR_JOURNAL_FAILED", `The journal at ${server} does not work${named}: ${reason}`);
}

function toReason(code: string): string {
  if (code === QUERY_TIMEOUT) return "it did not answer in time; check the server and the network to it";
  if (/^[0-9A-Z]{5}$/u.test(code)) return "the server reported an error; look into its log";
  return "the connection failed; check that the server runs and that this host may connect";
}
