import { PushError } from "../../core/errors.ts";
import { isObject, toMembers } from "../../core/own-member.ts";
import { quoteName } from "../../core/text.ts";

/** What is used of `node:sqlite`, which the types of older Node.js versions do not have. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** A value of a column. */
export type Value = string | number | null;

/** A prepared statement. */
export interface Statement {
  run(...values: readonly Value[]): { readonly changes: number | bigint };
  get(...values: readonly Value[]): unknown;
  all(...values: readonly Value[]): readonly unknown[];
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options?: { readonly readOnly: boolean }) => Database;
}

/** A row of a table; its members are read one by one. */
export type Row = Readonly<Record<string, unknown>>;

/** @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` on a Node.js without SQLite */
export function loadSqlite(): SqliteModule {
  const module: unknown = process.getBuiltinModule?.("node:sqlite");
  if (isSqlite(module)) return module;
  const message =
    "createSqliteJournal needs node:sqlite, which Node.js has since 22.13; use a newer Node.js or another journal";
  throw new PushError("ERR_JOURNAL_UNAVAILABLE", message);
}

function isSqlite(module: unknown): module is SqliteModule {
  return isObject(module) && typeof module["DatabaseSync"] === "function";
}

/** Reads a row. */
export function toRow(row: unknown): Row {
  if (isObject(row)) return row;
  throw new TypeError("SQLite returned an invalid row");
}

// Result codes of https://www.sqlite.org/rescode.html; the low byte is the kind.
const BUSY: ReadonlySet<number> = new Set([5, 6]);
const CORRUPT: ReadonlySet<number> = new Set([11, 26]);
const READONLY_DBMOVED = 1_032;

/** Whether another connection holds what a statement needs. */
export function isBusy(error: unknown): boolean {
  return BUSY.has(kindOf(error));
}

/** Whether the file is damaged, or no database. */
export function isCorrupt(error: unknown): boolean {
  return CORRUPT.has(kindOf(error));
}

/** Whether another file has replaced the open one. */
export function isMoved(error: unknown): boolean {
  return toMembers(error)["errcode"] === READONLY_DBMOVED;
}

function kindOf(error: unknown): number {
  const { errcode } = toMembers(error);
  return typeof errcode === "number" ? errcode & 0xff : 0;
}

/** Turns what SQLite threw into an error of this package, with SQLite's description of its kind. */
export function toJournalError(error: unknown, path: string): PushError {
  if (error instanceof PushError) return error;
  const { errstr } = toMembers(error);
  const file = quoteName(path, 512);
  if (isCorrupt(error)) {
    const hint =
      "Stop every host that uses it and open it again; everything readable is salvaged into a new file";
    return new PushError("ERR_JOURNAL_CORRUPT", `The journal ${file} is damaged. ${hint}`);
  }
  const reason = typeof errstr === "string" ? errstr : "an unexpected error";
  return new PushError("ERR_JOURNAL_FAILED", `The journal ${file} does not work: ${quoteName(reason)}`);
}

/**
 * Whether SQLite finds a file intact. It throws if the check itself meets damage, or waits too long.
 */
export function isWhole(database: Database): boolean {
  return toRow(database.prepare("PRAGMA quick_check(1)").get())["quick_check"] === "ok";
}

/** Runs work in a transaction that writes: all of it, or nothing. */
export function transact<Result>(database: Database, work: () => Result): Result {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

function rollBack(database: Database): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has ended the transaction itself; the original error says why.
  }
}
