import { PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import type { PostgresConnection, Query, Row } from "./postgres-connection.ts";

/** Tables that are created together, with the one that has their version. */
export interface TableSet {
  /** What they are, for people. */
  readonly name: string;
  /** Name of the table with the version; it is created last. */
  readonly marker: string;
  readonly version: number;
  /** The statements that create the others. @param schema - its quoted name */
  readonly toTables: (schema: string) => readonly string[];
}

/**
 * An advisory lock, so that hosts that start together create the tables one after another; any number that no
 * other program uses.
 */
const LOCK = 4_927_310_866;

/**
 * Quotes the name of a schema.
 *
 * @throws {@link PushError} `ERR_JOURNAL_FAILED` for an invalid name
 */
export function quoteSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/u.test(schema)) return `"${schema}"`;
  const hint = "take 1 to 63 lower-case letters, digits and underscores, with no digit first";
  throw new PushError("ERR_JOURNAL_FAILED", `${quoteName(schema)} is no name of a schema; ${hint}`);
}

/** @param schema - its quoted name */
const toTables = (schema: string): readonly string[] => [
  // Rows that are updated often get free space on their page, and are vacuumed often.
  `CREATE TABLE ${schema}.delivery (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    ticket_id text COLLATE "C" NOT NULL,
    cache_id text COLLATE "C" NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    repository text COLLATE "C" NOT NULL,
    request text NOT NULL,
    context text,
    accepted_at timestamptz NOT NULL,
    ready_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    progress text,
    batch bigint,
    settled_at timestamptz,
    result text,
    is_told boolean NOT NULL DEFAULT true,
    buried_at timestamptz,
    code text,
    message text
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1)`,
  `CREATE INDEX waiting ON ${schema}.delivery (cache_id, store_id, ready_at, number)
    WHERE batch IS NULL AND settled_at IS NULL`,
  `CREATE INDEX together ON ${schema}.delivery (cache_id, store_id, repository, ready_at, number)
    WHERE batch IS NULL AND settled_at IS NULL`,
  `CREATE INDEX held ON ${schema}.delivery (batch) WHERE batch IS NOT NULL`,
  `CREATE INDEX untold ON ${schema}.delivery (number) WHERE NOT is_told`,
  `CREATE INDEX settled ON ${schema}.delivery (settled_at)
    WHERE settled_at IS NOT NULL AND buried_at IS NULL AND is_told`,
  `CREATE INDEX dead ON ${schema}.delivery (number) WHERE buried_at IS NOT NULL`,
  `CREATE TABLE ${schema}.lane (cache_id text COLLATE "C" PRIMARY KEY, served_at bigint NOT NULL DEFAULT 0)
    WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)`,
  `CREATE TABLE ${schema}.batch (
    token bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cache_id text COLLATE "C" NOT NULL,
    owner text NOT NULL,
    held_until timestamptz NOT NULL
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)`,
];

/** The tables of a journal. */
export const JOURNAL_TABLES: TableSet = { name: "journal", marker: "version", version: 1, toTables };

/**
 * Creates missing tables. A host that finds them up to date needs no right to create any.
 *
 * @param schema - its quoted name
 * @throws {@link PushError} `ERR_JOURNAL_FAILED` for tables of a newer version, or that cannot be created
 */
export async function prepareSchema(
  connection: PostgresConnection,
  schema: string,
  tables: TableSet,
): Promise<void> {
  const { marker, version } = tables;
  if ((await readVersion(connection, schema, tables)) === version) return;
  await connection.transact(async (query) => {
    await query("SELECT pg_advisory_xact_lock($1)", LOCK);
    // Another host may have created them meanwhile.
    if ((await findVersion(query, schema, tables)) !== undefined) return;
    const [known] = await query("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema.slice(1, -1));
    if (known === undefined) await query(`CREATE SCHEMA ${schema}`);
    await query(`CREATE TABLE ${schema}.${marker} (number integer NOT NULL)`);
    for (const statement of tables.toTables(schema)) await query(statement);
    await query(`INSERT INTO ${schema}.${marker} VALUES (${version})`);
  });
  await readVersion(connection, schema, tables);
}

async function readVersion(
  connection: PostgresConnection,
  schema: string,
  tables: TableSet,
): Promise<number | undefined> {
  const version = await findVersion((sql, ...values) => connection.query(sql, ...values), schema, tables);
  if (version === undefined || version <= tables.version) return version;
  const hint = "run that version, or give this host a schema of its own";
  const message = `The ${tables.name} at ${connection.server} was made by a newer version of @eka-ci/caches; ${hint}`;
  throw new PushError("ERR_JOURNAL_FAILED", message);
}

/** The version of the tables; nothing if there are none. */
async function findVersion(query: Query, schema: string, { marker }: TableSet): Promise<number | undefined> {
  // The catalogue is read directly, because a session's cached view may be older than the lock.
  const [table] = await query(
    "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1 AND relname = $2",
    schema.slice(1, -1),
    marker,
  );
  if (table === undefined) return undefined;
  const [row]: readonly Row[] = await query(`SELECT number FROM ${schema}.${marker}`);
  return Number(row?.["number"]);
}
