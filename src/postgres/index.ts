/**
 * A journal in PostgreSQL, for queues of several machines. It needs the package `pg` beside this one, or a pool of the host's own.
 *
 * @packageDocumentation
 */

export { createPostgresJournal, type PostgresJournalOptions } from "./postgres-journal.ts";
export type {
  PostgresClient,
  PostgresPool,
  PostgresQueryResult,
} from "./postgres-pool.ts";
