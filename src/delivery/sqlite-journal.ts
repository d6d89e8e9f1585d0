import { PushError } from "../core/errors.ts";
import { isObject, toMembers } from "../core/own-member.ts";
import { parseJson, quoteName } from "../core/text.ts";
import type { PushRequest } from "../registry/push-types.ts";
import type { DeadLetter, Delivery, Lease, PushJournal } from "./push-journal.ts";

/** What is used of `node:sqlite`, which the types of older Node.js versions do not have. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface Statement {
  run(...values: readonly (string | number | null)[]): { readonly changes: number | bigint };
  all(...values: readonly (string | number | null)[]): readonly unknown[];
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => Database;
}

const SCHEMA = `
  PRAGMA busy_timeout = 5000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    ticket_id TEXT NOT NULL,
    cache_id TEXT NOT NULL,
    request TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    held_by TEXT,
    held_until INTEGER NOT NULL DEFAULT 0,
    buried_at INTEGER,
    code TEXT,
    message TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS waiting ON delivery (held_until) WHERE buried_at IS NULL;`;

/**
 * Opens a journal in one SQLite file, by Node's own `node:sqlite`: what was accepted is on disk before `enqueue` resolves. Several
 * processes of one machine may share it.
 *
 * @param path - absolute path of the file, which is made if need be; its directory must be writable, and on a local disk
 * @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` on a Node.js without `node:sqlite`, `ERR_JOURNAL_FAILED` if the file cannot be
 * opened
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { journal: createSqliteJournal("/var/lib/eka-ci/pushes.sqlite") });
 * ```
 *
 * @public
 */
export function createSqliteJournal(path: string): PushJournal {
  const { DatabaseSync } = loadSqlite();
  try {
    const database = new DatabaseSync(path);
    database.exec(SCHEMA);
    return new SqliteJournal(database);
  } catch (error) {
    // SQLite's own words for the kind of error, as in "unable to open database file".
    const { errstr } = toMembers(error);
    throw new PushError(
      "ERR_JOURNAL_FAILED",
      `The journal's file cannot be opened: ${quoteName(String(errstr))}`,
    );
  }
}

function loadSqlite(): SqliteModule {
  const module: unknown = process.getBuiltinModule?.("node:sqlite");
  if (isSqlite(module)) return module;
  const message =
    "createSqliteJournal needs node:sqlite, which Node.js has from 22.13 on; use a newer Node.js or another journal";
  throw new PushError("ERR_JOURNAL_UNAVAILABLE", message);
}

function isSqlite(module: unknown): module is SqliteModule {
  return isObject(module) && typeof module["DatabaseSync"] === "function";
}

class SqliteJournal implements PushJournal {
  readonly isDurable = true;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async accept(deliveries: readonly Delivery[], { owner, expiresAt }: Lease): Promise<void> {
    const insert = this.#database.prepare(
      "INSERT INTO delivery (id, ticket_id, cache_id, request, accepted_at, held_by, held_until) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#transact(() => {
      for (const { id, ticketId, cacheId, request, acceptedAt } of deliveries)
        insert.run(id, ticketId, cacheId, JSON.stringify(request), acceptedAt, owner, expiresAt);
    });
  }

  async lease({ owner, now, expiresAt }: Lease, limit: number): Promise<readonly Delivery[]> {
    const find = this.#database.prepare(
      "SELECT * FROM delivery WHERE buried_at IS NULL AND held_until <= ? ORDER BY number LIMIT ?",
    );
    const hold = this.#database.prepare("UPDATE delivery SET held_by = ?, held_until = ? WHERE id = ?");
    return this.#transact(() => {
      const found = find.all(now, limit).map(toDelivery);
      for (const { id } of found) hold.run(owner, expiresAt, id);
      return found;
    });
  }

  async heldUntil(owner: string): Promise<number | undefined> {
    const [row] = this.#database
      .prepare("SELECT max(held_until) AS last FROM delivery WHERE buried_at IS NULL AND held_by <> ?")
      .all(owner);
    const { last } = toRow(row);
    return last === null ? undefined : Number(last);
  }

  async renew(ids: readonly string[], { owner, expiresAt }: Lease): Promise<void> {
    this.#each("UPDATE delivery SET held_until = ? WHERE id = ? AND held_by = ?", ids, (id) => [
      expiresAt,
      id,
      owner,
    ]);
  }

  async release(ids: readonly string[], owner: string): Promise<void> {
    const sql = "UPDATE delivery SET held_by = NULL, held_until = 0 WHERE id = ? AND held_by = ?";
    this.#each(sql, ids, (id) => [id, owner]);
  }

  async settle(ids: readonly string[]): Promise<void> {
    this.#each("DELETE FROM delivery WHERE id = ?", ids, (id) => [id]);
  }

  async bury({ delivery, buriedAt, code, message }: DeadLetter): Promise<void> {
    this.#database
      .prepare(
        "UPDATE delivery SET request = ?, buried_at = ?, code = ?, message = ?, held_by = NULL, held_until = 0 WHERE id = ?",
      )
      .run(JSON.stringify(delivery.request), buriedAt, code, message, delivery.id);
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    const rows = this.#database
      .prepare("SELECT * FROM delivery WHERE buried_at IS NOT NULL ORDER BY buried_at, number")
      .all();
    return rows.map((row) => {
      const { buried_at, code, message } = toRow(row);
      return {
        delivery: toDelivery(row),
        buriedAt: Number(buried_at),
        code: String(code),
        message: String(message),
      };
    });
  }

  async revive(ids: readonly string[]): Promise<number> {
    const revive = this.#database.prepare(
      "UPDATE delivery SET buried_at = NULL, code = NULL, message = NULL, held_until = 0 WHERE id = ? AND buried_at IS NOT NULL",
    );
    return this.#transact(() => ids.reduce((count, id) => count + Number(revive.run(id).changes), 0));
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #each(sql: string, ids: readonly string[], toValues: (id: string) => readonly (string | number)[]): void {
    const statement = this.#database.prepare(sql);
    this.#transact(() => {
      for (const id of ids) statement.run(...toValues(id));
    });
  }

  #transact<Result>(work: () => Result): Result {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

function toRow(row: unknown): Readonly<Record<string, unknown>> {
  if (isObject(row)) return row;
  throw new TypeError("SQLite gave a row that is none");
}

function toDelivery(row: unknown): Delivery {
  const { id, ticket_id, cache_id, request, accepted_at } = toRow(row);
  return {
    id: String(id),
    ticketId: String(ticket_id),
    cacheId: String(cache_id),
    request: readRequestText(String(request)),
    acceptedAt: Number(accepted_at),
  };
}

/** A request that cannot be read is one that no policy understands. */
function readRequestText(text: string): PushRequest {
  const { job, caches, storePaths, ...fields } = toMembers(parseJson(text));
  const remains = {
    repository: "",
    job: String(job),
    caches: toTexts(caches),
    storePaths: toTexts(storePaths),
  };
  return { ...remains, ...fields };
}

function toTexts(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map(String) : [];
}
