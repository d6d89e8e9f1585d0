/**
 * A journal in PostgreSQL, for queues of several machines. It needs the package `pg` beside this one, or a
 * pool of the host.
 *
 * @packageDocumentation
 */

export type { PostgresServer } from "./open-server.ts";
export { createPostgresJournal, type PostgresJournalOptions } from "./postgres-journal.ts";
export { createPostgresLedger, type PostgresLedgerOptions } from "./postgres-ledger.ts";
export type {
  PostgresClient,
  PostgresPool,
  PostgresQueryResult,
} from "./postgres-pool.ts";
