import { readEntry, writeDetails } from "../delivery/ledger/ledger-rows.ts";
import { type LedgerFilter, toFilter, toOwedFilter } from "../delivery/ledger/ledger-statements.ts";
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
} from "../delivery/ledger/push-ledger.ts";
import { type Clock, createNodeRuntime, type Runtime } from "../host/runtime.ts";
import { type OpenedServer, openServer, type PostgresServer } from "./open-server.ts";
import type { TableSet } from "./postgres-schema.ts";

/**
 * Options of {@link createPostgresLedger}: a server, as for a journal, and limits.
 *
 * @example
 * ```ts
 * const options: PostgresLedgerOptions = { connectionString: "postgresql://ci@db.example/ci", maxAgeMs: 30 * 24 * 3_600_000 };
 * ```
 *
 * @public
 */
export type PostgresLedgerOptions = PostgresServer &
  LedgerBounds & {
    /**
     * Name of the schema of the tables, which may be that of a journal; default `eka_ci_caches`.
     */
    readonly schema?: string | undefined;
    /** The clock to use instead of that of Node.js. */
    readonly runtime?: Partial<Pick<Runtime, "clock">> | undefined;
  };

const TABLES: TableSet = {
  name: "ledger",
  marker: "ledger_version",
  version: 1,
  toTables: (schema) => [
    `CREATE TABLE ${schema}.entry (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      store_path text COLLATE "C" NOT NULL,
      cache_id text COLLATE "C" NOT NULL,
      push_id text COLLATE "C" NOT NULL,
      outcome text NOT NULL,
      is_good smallint NOT NULL,
      reason text,
      repository text COLLATE "C" NOT NULL,
      job text COLLATE "C" NOT NULL,
      at bigint NOT NULL,
      fingerprint text COLLATE "C",
      details text NOT NULL,
      UNIQUE (store_path, cache_id, push_id)
    )`,
    `CREATE INDEX entry_confirmed ON ${schema}.entry (store_path, cache_id, fingerprint, at) WHERE fingerprint IS NOT NULL`,
    `CREATE INDEX entry_unpaid ON ${schema}.entry (number) WHERE is_good = 0`,
    `CREATE INDEX entry_of_repository ON ${schema}.entry (repository, number)`,
  ],
};

/**
 * Opens a ledger in PostgreSQL 13 or newer, which many machines can share: beside a journal in the same
 * schema, or alone.
 *
 * @param options - the server or a pool, the schema, and limits
 * @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` if there is no pool and the package `pg` is not
 * installed, `ERR_JOURNAL_FAILED` if the server is unreachable, refuses, or has tables of a newer version
 *
 * @example
 * ```ts
 * import { createPostgresLedger } from "@eka-ci/caches/postgres";
 *
 * const ledger = await createPostgresLedger({ connectionString: "postgresql://ci@db.example/ci" });
 * ```
 *
 * @public
 */
export async function createPostgresLedger(options: PostgresLedgerOptions): Promise<PushLedger> {
  const bounds = toKeptBounds(options);
  const { clock } = createNodeRuntime(options.runtime);
  return new PostgresLedger(await openServer(options, clock, TABLES), bounds, clock);
}

class PostgresLedger implements PushLedger {
  readonly #server: OpenedServer;
  readonly #bounds: KeptBounds;
  readonly #clock: Clock;
  readonly #table: string;
  #unpruned = 0;

  constructor(server: OpenedServer, bounds: KeptBounds, clock: Clock) {
    this.#server = server;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#table = `${server.schema}.entry`;
  }

  async record(entries: readonly LedgerEntry[]): Promise<void> {
    const rows = toRows(entries);
    if (rows.length === 0) return;
    const column = (read: (entry: LedgerEntry) => string | number | null) => rows.map(read);
    const insert = `INSERT INTO ${this.#table} AS entry
      (store_path, cache_id, push_id, outcome, is_good, reason, repository, job, at, fingerprint, details)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::text[])
      ON CONFLICT (store_path, cache_id, push_id) DO UPDATE SET number = DEFAULT, outcome = excluded.outcome, is_good = excluded.is_good,
        reason = excluded.reason, repository = excluded.repository, job = excluded.job, at = excluded.at, fingerprint = excluded.fingerprint, details = excluded.details
      WHERE excluded.is_good >= entry.is_good`;
    await this.#server.connection.transact(async (query) => {
      await query(
        insert,
        column(({ storePath }) => storePath),
        column(({ cacheId }) => cacheId),
        column(({ pushId }) => pushId),
        column(({ outcome }) => outcome),
        column(({ outcome }) => (isGood(outcome) ? 1 : 0)),
        column(({ reason }) => reason ?? null),
        column(({ repository }) => repository),
        column(({ job }) => job),
        column(({ time }) => Date.parse(time)),
        column(({ fingerprint }) => fingerprint ?? null),
        column(writeDetails),
      );
    });
    this.#unpruned += rows.length;
    if (this.#unpruned >= this.#bounds.pruneEvery) await this.#prune();
  }

  find({ limit, ...query }: LedgerQuery): Promise<readonly RecordedEntry[]> {
    return this.#list(toFilter(query, toMark), limit);
  }

  owed({ limit, ...query }: Omit<LedgerQuery, "outcomes">): Promise<readonly RecordedEntry[]> {
    return this.#list(toOwedFilter(query, this.#table, toMark), limit);
  }

  async confirmed(
    cacheId: string,
    storePaths: readonly string[],
    withinMs: number,
    fingerprint: string,
  ): Promise<readonly string[]> {
    const sql = `SELECT DISTINCT store_path FROM ${this.#table} WHERE store_path = ANY($1::text[]) AND cache_id = $2
      AND fingerprint = $3 AND at BETWEEN $4 AND $5 AND outcome = 'pushed'`;
    const now = this.#clock.now();
    const range = [now - withinMs, now].map(Math.floor);
    const rows = await this.#server.connection.query(sql, storePaths, cacheId, fingerprint, ...range);
    return rows.map((row) => String(row["store_path"]));
  }

  async close(): Promise<void> {
    this.#server.connection.close();
    await this.#server.ownPool?.end();
  }

  async #list({ sql, values }: LedgerFilter, limit: number): Promise<readonly RecordedEntry[]> {
    const select = `SELECT * FROM ${this.#table} AS entry WHERE ${sql} ORDER BY number DESC LIMIT ${toLimit({ limit })}`;
    const rows = await this.#server.connection.query(select, ...values);
    return rows.map(readEntry).filter((entry) => entry !== undefined);
  }

  /** The oldest ones, some at a time, in the order of recording. */
  async #prune(): Promise<void> {
    this.#unpruned = 0;
    const { maxEntries, maxAgeMs } = this.#bounds;
    const table = this.#table;
    const sql = `DELETE FROM ${table} WHERE number IN (
      SELECT number FROM (SELECT number, at FROM ${table} ORDER BY number LIMIT 10000) AS oldest
      WHERE at < $1 OR number <= (SELECT max(number) FROM ${table}) - $2)`;
    await this.#server.connection.query(sql, Math.floor(this.#clock.now() - maxAgeMs), maxEntries);
  }
}

const toMark = (place: number): string => `$${place}`;

/** One entry for each key: the last one. */
function toRows(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  const rows = new Map<string, LedgerEntry>();
  for (const entry of entries) {
    const key = `${entry.storePath} ${entry.cacheId} ${entry.pushId}`;
    const known = rows.get(key);
    if (known !== undefined && isGood(known.outcome) && !isGood(entry.outcome)) continue;
    rows.delete(key);
    rows.set(key, entry);
  }
  return [...rows.values()];
}
