import { PushError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import { nodeFs } from "../../host/node-fs.ts";
import { openDatabase } from "./sqlite-connection.ts";
import { type Database, loadSqlite, type Row, type Statement, toRow, type Value } from "./sqlite-module.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/**
 * What was saved of a damaged journal.
 *
 * @public
 */
export interface JournalSalvage {
  /** Absolute path of the damaged file, which was set aside. */
  readonly damagedFile: string;
  /** Deliveries that could be read; the journal goes on with them. */
  readonly kept: number;
  /** Deliveries that could not be read, at most. */
  readonly lost: number;
}

/** The columns that a delivery needs to go on. Leases, the clock and the order of lanes begin anew. */
const COLUMNS = [
  ...["number", "id", "ticket_id", "cache_id", "store_id", "repository", "request", "attempts", "crashes"],
  ...["progress", "settled_at", "result", "is_told", "buried_at", "code", "message"],
] as const;

/** Rows in a row that cannot be read, after which reading goes on further away. */
const STRIDE = 64;

/**
 * Copies what can be read of a damaged file into a new one of the same name, and sets the damaged one aside.
 *
 * @throws {@link PushError} `ERR_JOURNAL_CORRUPT` if nothing can be read, or another process is at it
 */
export function salvageJournal(path: string, now: number): JournalSalvage {
  const rescued = `${path}.salvaged`;
  claim(rescued);
  try {
    const counts = copyRows(path, rescued, now);
    const damagedFile = setAside(path);
    nodeFs().renameSync(rescued, path);
    return { ...counts, damagedFile };
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm"]) nodeFs().rmSync(`${rescued}${suffix}`, { force: true });
    throw error instanceof PushError ? error : nothingToSave(path);
  }
}

/** Two processes that salvage one file would each set the other's work aside. */
function claim(rescued: string): void {
  try {
    nodeFs().closeSync(nodeFs().openSync(rescued, "wx", 0o600));
  } catch {
    const message = `${quoteName(rescued, 512)} is there: another process salvages the journal. Remove it if none does`;
    throw new PushError("ERR_JOURNAL_CORRUPT", message);
  }
}

function copyRows(
  path: string,
  rescued: string,
  now: number,
): { readonly kept: number; readonly lost: number } {
  const { DatabaseSync } = loadSqlite();
  const damaged = new DatabaseSync(path, { readOnly: true });
  const fresh = openDatabase(rescued);
  try {
    prepareSchema(fresh, rescued, now);
    const last = findLast(damaged);
    if (last === undefined) throw nothingToSave(path);
    const marks = COLUMNS.map(() => "?").join(", ");
    const insert = fresh.prepare(
      `INSERT INTO delivery (${COLUMNS.join(", ")}, accepted_at, ready_at) VALUES (${marks}, ?, ?)`,
    );
    const addLane = fresh.prepare("INSERT OR IGNORE INTO lane VALUES (?, 0)");
    return readRows(damaged, last, (row) => {
      insert.run(...COLUMNS.map((column) => toValue(row[column])), now, now);
      addLane.run(String(row["cache_id"]));
    });
  } finally {
    damaged.close();
    fresh.close();
  }
}

/** The highest number there may be, by whatever of the file still tells it. */
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

/** Reads row by row, over what cannot be read. */
function readRows(
  database: Database,
  last: number,
  keep: (row: Row) => void,
): { readonly kept: number; readonly lost: number } {
  const next = database.prepare("SELECT * FROM delivery WHERE number > ? ORDER BY number LIMIT 1");
  const one = database.prepare("SELECT * FROM delivery WHERE number = ?");
  let [kept, lost, number] = [0, 0, 0];
  while (number < last) {
    const row = tryRead(next, number);
    if (row === undefined) break;
    if (row !== "damaged") {
      number = Number(row["number"]);
      if (tryKeep(row, keep)) kept++;
      else lost++;
      continue;
    }
    for (let step = 0; step < STRIDE && number < last; step++) {
      number++;
      const found = tryRead(one, number);
      if (found === undefined) continue;
      if (found !== "damaged" && tryKeep(found, keep)) kept++;
      else lost++;
    }
  }
  return { kept, lost };
}

function tryRead(statement: Statement, number: number): Row | "damaged" | undefined {
  try {
    const row = statement.get(number);
    return row === undefined ? undefined : toRow(row);
  } catch {
    return "damaged";
  }
}

/** A damaged page may hold rows that no column of ours takes. */
function tryKeep(row: Row, keep: (row: Row) => void): boolean {
  try {
    keep(row);
    return true;
  } catch {
    return false;
  }
}

function setAside(path: string): string {
  const damagedFile = `${path}.damaged`;
  for (const suffix of ["", "-wal", "-shm"]) {
    nodeFs().rmSync(`${damagedFile}${suffix}`, { force: true });
    try {
      nodeFs().renameSync(`${path}${suffix}`, `${damagedFile}${suffix}`);
    } catch {
      // A file without a log has none beside it.
    }
  }
  return damagedFile;
}

function toValue(value: unknown): Value {
  return typeof value === "string" || typeof value === "number" ? value : null;
}

function nothingToSave(path: string): PushError {
  const hint = "move it away, and start with a new one";
  return new PushError(
    "ERR_JOURNAL_CORRUPT",
    `Nothing of the journal ${quoteName(path, 512)} can be read; ${hint}`,
  );
}
