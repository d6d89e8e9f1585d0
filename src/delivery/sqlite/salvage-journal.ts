import { dirname } from "node:path";
import { PushError } from "../../core/errors.ts";
import { readMember, toMembers } from "../../core/own-member.ts";
import { quoteName } from "../../core/text.ts";
import { nodeFs } from "../../host/node-fs.ts";
import { createRowCopier } from "./copy-rows.ts";
import { openDatabase } from "./sqlite-connection.ts";
import {
  type Database,
  isBusy,
  isWhole,
  type Row,
  type Statement,
  toRow,
  transact,
} from "./sqlite-module.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/**
 * What was saved of a damaged journal.
 *
 * @public
 */
export interface JournalSalvage {
  /** Absolute path of the damaged file, which was renamed. */
  readonly damagedFile: string;
  /** Number of deliveries that were saved. */
  readonly kept: number;
  /** Maximum number of deliveries that were lost. */
  readonly lost: number;
}

type Counts = Pick<JournalSalvage, "kept" | "lost">;

/** After this many consecutive unreadable rows, reading continues further on. */
const STRIDE = 64;
/**
 * After this many consecutive unreadable rows, the rest is given up, because a damaged number may claim any
 * number of rows.
 */
const MAX_UNREADABLE = 1_000_000;
/** How many damaged files are kept beside a journal. */
const MAX_DAMAGED_FILES = 1_000;

/**
 * Copies everything readable of a damaged file into a new one, which replaces it, and renames the damaged
 * one. Nobody else may have the file open meanwhile; SQLite detects that.
 *
 * @returns `whole` if there is nothing to salvage, because another process has done it; `in use` if another
 * process has the file open
 * @throws {@link PushError} `ERR_JOURNAL_CORRUPT` if nothing can be read
 */
export function salvageJournal(path: string, now: number): JournalSalvage | "whole" | "in use" {
  const { ino: inode } = nodeFs().statSync(path);
  const damaged = openDatabase(path);
  const rescued = `${path}.salvaged`;
  try {
    if (!lockAlone(damaged)) return "in use";
    // The previous user of the file may have replaced it.
    if (nodeFs().statSync(path).ino !== inode || !isStillDamaged(damaged)) return "whole";
    remove(rescued);
    const counts = copyRows(damaged, rescued, path, now);
    const damagedFile = linkDamaged(path);
    nodeFs().renameSync(rescued, path);
    syncDirectory(path);
    return { ...counts, damagedFile };
  } catch (error) {
    throw error instanceof PushError ? error : nothingToSave(path);
  } finally {
    damaged.close();
  }
}

/**
 * Makes this the only connection, if possible. Leaving the write-ahead log requires that. It also leaves a
 * single file, which can replace another in one step.
 */
function lockAlone(database: Database): boolean {
  try {
    database.exec("PRAGMA journal_mode = DELETE");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
  // Another process may have started another log meanwhile.
  return toRow(database.prepare("PRAGMA journal_mode").get())["journal_mode"] === "delete";
}

function isStillDamaged(database: Database): boolean {
  try {
    return !isWhole(database);
  } catch {
    return true; // The check itself meets what is damaged.
  }
}

function copyRows(damaged: Database, rescued: string, path: string, now: number): Counts {
  const fresh = openDatabase(rescued);
  try {
    // A file that starts with a write-ahead log needs no other file when it is opened.
    fresh.exec("PRAGMA journal_mode = WAL");
    return transact(fresh, () => {
      prepareSchema(fresh, rescued, now);
      const last = findLast(damaged);
      if (last === undefined) throw nothingToSave(path);
      const counts = readRows(damaged, last, createRowCopier(fresh, now));
      if (counts.kept === 0 && counts.lost > 0) throw nothingToSave(path);
      return counts;
    });
  } finally {
    fresh.close();
  }
}

/** The highest possible row number, from any readable part of the file. */
function findLast(database: Database): number | undefined {
  const questions = [
    "SELECT seq AS last FROM sqlite_sequence WHERE name = 'delivery'",
    "SELECT max(number) AS last FROM delivery",
  ];
  const found = questions.flatMap((sql) => {
    try {
      const { last } = toRow(database.prepare(sql).get());
      return typeof last === "number" ? [last] : [];
    } catch {
      return []; // This part of the file is damaged; another may tell.
    }
  });
  return found.length === 0 ? undefined : Math.max(...found);
}

/** Reads row by row, and skips what cannot be read. */
function readRows(database: Database, last: number, keep: (row: Row) => void): Counts {
  const next = database.prepare("SELECT * FROM delivery WHERE number > ? ORDER BY number LIMIT 1");
  const one = database.prepare("SELECT * FROM delivery WHERE number = ?");
  let [kept, lost, number, unreadable] = [0, 0, 0, 0];
  const take = (row: Row | "damaged"): void => {
    const isKept = row !== "damaged" && tryKeep(row, keep);
    unreadable = isKept ? 0 : unreadable + 1;
    if (isKept) kept++;
    else lost++;
  };
  while (number < last && unreadable < MAX_UNREADABLE) {
    const row = tryRead(next, number);
    if (row === undefined) return { kept, lost };
    if (row !== "damaged") {
      number = Number(row["number"]);
      take(row);
      continue;
    }
    for (let step = 0; step < STRIDE && number < last; step++) {
      const found = tryRead(one, ++number);
      if (found !== undefined) take(found);
    }
  }
  return { kept, lost: lost + Math.max(0, last - number) };
}

function tryRead(statement: Statement, number: number): Row | "damaged" | undefined {
  try {
    const row = statement.get(number);
    return row === undefined ? undefined : toRow(row);
  } catch {
    return "damaged";
  }
}

/** A damaged page may have rows that do not fit our columns. */
function tryKeep(row: Row, keep: (row: Row) => void): boolean {
  try {
    keep(row);
    return true;
  } catch {
    return false;
  }
}

/** Gives the damaged file a second, unused name, so that none is ever overwritten. */
function linkDamaged(path: string): string {
  for (let number = 1; number <= MAX_DAMAGED_FILES; number++) {
    const damagedFile = number === 1 ? `${path}.damaged` : `${path}.damaged-${number}`;
    try {
      nodeFs().linkSync(path, damagedFile);
      return damagedFile;
    } catch (error) {
      if (readMember(toMembers(error), "code") !== "EEXIST") throw error;
    }
  }
  const hint = `Remove the files ${quoteName(`${path}.damaged`, 512)} and those with a number`;
  throw new PushError("ERR_JOURNAL_CORRUPT", `The journal was damaged too often. ${hint}`);
}

function remove(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) nodeFs().rmSync(`${path}${suffix}`, { force: true });
}

/** A new name survives a power loss only after its directory is on disk. */
function syncDirectory(path: string): void {
  const directory = nodeFs().openSync(dirname(path), "r");
  try {
    nodeFs().fsyncSync(directory);
  } finally {
    nodeFs().closeSync(directory);
  }
}

function nothingToSave(path: string): PushError {
  const hint = "move it away, and start with a new one";
  return new PushError(
    "ERR_JOURNAL_CORRUPT",
    `Nothing of the journal ${quoteName(path, 512)} can be read; ${hint}`,
  );
}
