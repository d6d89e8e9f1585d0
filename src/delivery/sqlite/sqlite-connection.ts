import { PushError } from "../../core/errors.ts";
import { nodeFs } from "../../host/node-fs.ts";
import type { Clock, Random } from "../../host/runtime.ts";
import {
  type Database,
  isBusy,
  isCorrupt,
  loadSqlite,
  type Row,
  type Statement,
  toJournalError,
  toRow,
  transact,
  type Value,
} from "./sqlite-module.ts";

/** How long a transaction waits for those of other processes. */
const BUSY_TIMEOUT_MS = 10_000;
/** How long opening waits for them. */
const OPENING_MS = 5_000;
/** Longest pause before a busy file is asked again. */
const LONGEST_PAUSE_MS = 25;

/** Opens a file that only its owner may read, with those that SQLite puts beside it. */
export function openDatabase(path: string): Database {
  const { DatabaseSync } = loadSqlite();
  try {
    makePrivate(path);
    const database = new DatabaseSync(path);
    // At the start there are no timers yet, so a short blocking wait for another transaction is fine.
    database.exec(`PRAGMA busy_timeout = ${OPENING_MS}; PRAGMA synchronous = FULL;`);
    return database;
  } catch (error) {
    throw error instanceof Error && "errcode" in error ? toJournalError(error, path) : cannotOpen(path);
  }
}

/** SQLite gives `-wal` and `-shm` the mode of the file itself. */
function makePrivate(path: string): void {
  // Opening and closing an existing file would release the locks that this process already has on it:
  // https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
  if (!nodeFs().existsSync(path)) nodeFs().closeSync(nodeFs().openSync(path, "a", 0o600));
  nodeFs().chmodSync(path, 0o600);
}

function cannotOpen(path: string): PushError {
  const message = "The journal's file cannot be opened: unable to open database file";
  return new PushError(
    "ERR_JOURNAL_FAILED",
    `${message}; check that the directory of ${path} is there and writable`,
  );
}

/**
 * A connection that waits without blocking the thread. SQLite's own busy wait would block the timers of the
 * whole process. A transaction itself is short and runs without interruption.
 */
export class SqliteConnection {
  readonly #database: Database;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #statements = new Map<string, Statement>();
  #isClosed = false;
  #failure: PushError | undefined;

  constructor(database: Database, path: string, ports: { readonly clock: Clock; readonly random: Random }) {
    this.#database = database;
    this.#path = path;
    this.#clock = ports.clock;
    this.#random = ports.random;
  }

  /** A statement, prepared once. */
  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Runs a statement, and returns how many rows it has changed. */
  change(sql: string, ...values: readonly Value[]): number {
    return Number(this.prepare(sql).run(...values).changes);
  }

  /** Runs a statement for each of some ids, and returns how many rows all of them have changed. */
  changeEach(sql: string, ids: readonly string[], toValues: (id: string) => readonly Value[]): number {
    return ids.reduce((count, id) => count + this.change(sql, ...toValues(id)), 0);
  }

  /** The rows that a statement finds. */
  rows(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.prepare(sql)
      .all(...values)
      .map(toRow);
  }

  /** Runs work in a transaction that writes. */
  write<Result>(work: () => Result): Promise<Result> {
    return this.#run(() => transact(this.#database, work));
  }

  /** Runs work that only reads. */
  read<Result>(work: () => Result): Promise<Result> {
    return this.#run(work);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#statements.clear();
    this.#database.close();
  }

  async #run<Result>(work: () => Result): Promise<Result> {
    const deadline = this.#clock.monotonic() + BUSY_TIMEOUT_MS;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isClosed) throw new PushError("ERR_JOURNAL_FAILED", "The journal was closed");
      try {
        return work();
      } catch (error) {
        // A damaged file cannot be trusted, so it is not read any more.
        if (isCorrupt(error)) this.#failure = toJournalError(error, this.#path);
        if (!isBusy(error) || this.#clock.monotonic() >= deadline) throw toJournalError(error, this.#path);
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    const delayMs = 1 + this.#random.fraction() * LONGEST_PAUSE_MS;
    return new Promise((resolve) => void this.#clock.schedule(resolve, delayMs));
  }
}
