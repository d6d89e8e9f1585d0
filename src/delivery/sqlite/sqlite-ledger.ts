import { PushError } from "../../core/errors.ts";
import { createNodeRuntime, type Runtime } from "../../host/runtime.ts";
import { readEntry, writeDetails } from "../ledger/ledger-rows.ts";
import { type LedgerFilter, toFilter, toOwedFilter } from "../ledger/ledger-statements.ts";
import {
  isGood,
  type KeptBounds,
  type LedgerBounds,
  type LedgerEntry,
  type LedgerQuery,
  type PushLedger,
  type RecordedEntry,
  toKeptBounds,
  toLimit,
} from "../ledger/push-ledger.ts";
import { openDatabase, SqliteConnection } from "./sqlite-connection.ts";
import { type Database, toJournalError, toRow, transact } from "./sqlite-module.ts";

/**
 * Options of {@link createSqliteLedger}.
 *
 * @example
 * ```ts
 * const options: SqliteLedgerOptions = { maxEntries: 200_000 };
 * ```
 *
 * @public
 */
export interface SqliteLedgerOptions extends LedgerBounds {
  /** Ports to use instead of those of Node.js: the clock and randomness. */
  readonly runtime?: Partial<Runtime> | undefined;
}

/** Marks the file as a ledger, so that a journal cannot be opened as one, or the reverse. */
const APPLICATION_ID = 0x656b_616c;
const VERSION = 1;

const TABLES = `CREATE TABLE entry (
  number INTEGER PRIMARY KEY,
  store_path TEXT NOT NULL,
  cache_id TEXT NOT NULL,
  push_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  is_good INTEGER NOT NULL,
  reason TEXT,
  repository TEXT NOT NULL,
  job TEXT NOT NULL,
  at INTEGER NOT NULL,
  fingerprint TEXT,
  details TEXT NOT NULL,
  UNIQUE (store_path, cache_id, push_id)
) STRICT;
CREATE INDEX confirmed ON entry (store_path, cache_id, fingerprint, at) WHERE fingerprint IS NOT NULL;
CREATE INDEX unpaid ON entry (number) WHERE is_good = 0;`;

const FIND = "SELECT * FROM entry WHERE store_path = ? AND cache_id = ? AND push_id = ?";
const INSERT = `INSERT OR REPLACE INTO entry
  (store_path, cache_id, push_id, outcome, is_good, reason, repository, job, at, fingerprint, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const CONFIRMED = `SELECT 1 FROM entry WHERE store_path = ? AND cache_id = ? AND fingerprint = ? AND at BETWEEN ? AND ?
  AND outcome = 'pushed' LIMIT 1`;
const PRUNE = `DELETE FROM entry WHERE number <= (SELECT max(number) FROM entry) - ?
  OR number IN (SELECT number FROM (SELECT number, at FROM entry ORDER BY number LIMIT ?) WHERE at < ?)`;

/**
 * Opens a ledger in one SQLite file, with `node:sqlite`. Several processes of one machine may share it. Only
 * its owner can read it. Entries survive a crash of the process; a crash of the machine may lose the last
 * ones.
 *
 * @param path - absolute path of the file, created if needed; not that of a journal
 * @param options - limits, and ports
 * @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` on a Node.js without `node:sqlite`,
 * `ERR_JOURNAL_FAILED` if the file cannot be opened or is not a ledger, `ERR_JOURNAL_CORRUPT` if it is
 * damaged
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { ledger: createSqliteLedger("/var/lib/eka-ci/ledger.sqlite") });
 * ```
 *
 * @public
 */
export function createSqliteLedger(path: string, options: SqliteLedgerOptions = {}): PushLedger {
  const bounds = toKeptBounds(options);
  const runtime = createNodeRuntime(options.runtime);
  const database = openDatabase(path);
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    transact(database, () => prepare(database));
    database.exec("PRAGMA busy_timeout = 0");
  } catch (error) {
    database.close();
    throw toJournalError(error, path);
  }
  return new SqliteLedger(new SqliteConnection(database, path, runtime), bounds, runtime);
}

function prepare(database: Database): void {
  const read = (name: string): number =>
    Number(toRow(database.prepare(`PRAGMA ${name}`).get())[name] ?? Number.NaN);
  if (read("application_id") === APPLICATION_ID && read("user_version") === VERSION) return;
  const { tables } = toRow(database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get());
  if (Number(tables) > 0)
    throw new PushError(
      "ERR_JOURNAL_FAILED",
      "The file is not a ledger of this version; use a separate file",
    );
  database.exec(`${TABLES} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION};`);
}

class SqliteLedger implements PushLedger {
  readonly #connection: SqliteConnection;
  readonly #bounds: KeptBounds;
  readonly #runtime: Runtime;
  #unpruned = 0;

  constructor(connection: SqliteConnection, bounds: KeptBounds, runtime: Runtime) {
    this.#connection = connection;
    this.#bounds = bounds;
    this.#runtime = runtime;
  }

  async record(entries: readonly LedgerEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#connection.write(() => {
      for (const entry of entries) this.#record(entry);
      this.#unpruned += entries.length;
      if (this.#unpruned < this.#bounds.pruneEvery) return;
      this.#unpruned = 0;
      const { maxEntries, maxAgeMs } = this.#bounds;
      // More than were added, so that old entries are eventually removed.
      const limit = 2 * this.#bounds.pruneEvery;
      this.#connection.change(PRUNE, maxEntries, limit, this.#runtime.clock.now() - maxAgeMs);
    });
  }

  find({ limit, ...query }: LedgerQuery): Promise<readonly RecordedEntry[]> {
    return this.#list(
      toFilter(query, () => "?"),
      limit,
    );
  }

  owed({ limit, ...query }: Omit<LedgerQuery, "outcomes">): Promise<readonly RecordedEntry[]> {
    return this.#list(
      toOwedFilter(query, "entry", () => "?"),
      limit,
    );
  }

  confirmed(
    cacheId: string,
    storePaths: readonly string[],
    withinMs: number,
    fingerprint: string,
  ): Promise<readonly string[]> {
    const now = this.#runtime.clock.now();
    const isConfirmed = (path: string): boolean =>
      this.#connection.rows(CONFIRMED, path, cacheId, fingerprint, now - withinMs, now).length > 0;
    return this.#connection.read(() => storePaths.filter(isConfirmed));
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  #record(entry: LedgerEntry): void {
    const { storePath, cacheId, pushId, outcome, reason, repository, job, time } = entry;
    const good = isGood(outcome);
    const [known] = good ? [] : this.#connection.rows(FIND, storePath, cacheId, pushId);
    if (known?.["is_good"] === 1) return;
    const values = [storePath, cacheId, pushId, outcome, good ? 1 : 0, reason ?? null, repository, job];
    this.#connection.change(
      INSERT,
      ...values,
      Date.parse(time),
      entry.fingerprint ?? null,
      writeDetails(entry),
    );
  }

  #list({ sql, values }: LedgerFilter, limit: number): Promise<readonly RecordedEntry[]> {
    return this.#connection.read(() =>
      this.#connection
        .rows(`SELECT * FROM entry WHERE ${sql} ORDER BY number DESC LIMIT ?`, ...values, toLimit({ limit }))
        .map(readEntry)
        .filter((entry) => entry !== undefined),
    );
  }
}
