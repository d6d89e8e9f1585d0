import { PushError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import { createRowCopier } from "./copy-rows.ts";
import { type Database, toRow } from "./sqlite-module.ts";

/** Version of the schema, in the file's `user_version`. Version 0.1 of this package left it at 0. */
export const SCHEMA_VERSION = 2;

const TABLES = `
  CREATE TABLE delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    ticket_id TEXT NOT NULL,
    cache_id TEXT NOT NULL,
    store_id TEXT NOT NULL,
    repository TEXT NOT NULL,
    request TEXT NOT NULL,
    context TEXT,
    accepted_at REAL NOT NULL,
    ready_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    batch INTEGER,
    settled_at REAL,
    result TEXT,
    is_told INTEGER NOT NULL DEFAULT 1,
    buried_at REAL,
    code TEXT,
    message TEXT
  ) STRICT;
  CREATE INDEX waiting ON delivery (cache_id, store_id, ready_at, number) WHERE batch IS NULL AND settled_at IS NULL;
  CREATE INDEX held ON delivery (batch) WHERE batch IS NOT NULL;
  CREATE INDEX untold ON delivery (number) WHERE is_told = 0;
  CREATE INDEX settled ON delivery (settled_at) WHERE settled_at IS NOT NULL AND buried_at IS NULL;
  CREATE INDEX dead ON delivery (number) WHERE buried_at IS NOT NULL;
  CREATE TABLE lane (cache_id TEXT PRIMARY KEY, served_at INTEGER NOT NULL) STRICT;
  CREATE TABLE batch (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    cache_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    held_until REAL NOT NULL
  ) STRICT;
  CREATE TABLE clock (base REAL NOT NULL, last REAL NOT NULL) STRICT;
  INSERT INTO clock VALUES (0, 0);`;

/**
 * Creates the tables, or upgrades those of an older version, in the open transaction.
 *
 * @param now - the journal's time at its beginning
 * @throws {@link PushError} `ERR_JOURNAL_FAILED` for a file of a newer version
 */
export function prepareSchema(database: Database, path: string, now: number): void {
  const { user_version: version } = toRow(database.prepare("PRAGMA user_version").get());
  if (version === SCHEMA_VERSION) return;
  if (typeof version === "number" && version > SCHEMA_VERSION) {
    const hint = "run that version, or give this host its own file";
    const message = `The journal ${quoteName(path, 512)} was made by a newer version of @eka-ci/caches; ${hint}`;
    throw new PushError("ERR_JOURNAL_FAILED", message);
  }
  const isUpgrade =
    database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'delivery'").get() !== undefined;
  if (isUpgrade) database.exec("DROP INDEX IF EXISTS waiting; ALTER TABLE delivery RENAME TO delivery_1;");
  database.exec(TABLES);
  if (isUpgrade) upgrade(database, now);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/**
 * Takes over the content of version 0.1. Leases end with the upgrade, because their times are of another
 * clock.
 */
function upgrade(database: Database, now: number): void {
  const copy = createRowCopier(database, now);
  for (const row of database.prepare("SELECT * FROM delivery_1 ORDER BY number").all()) copy(toRow(row));
  database.exec("DROP TABLE delivery_1");
}
