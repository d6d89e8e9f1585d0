import { PushError } from "../core/errors.ts";
import type { Clock } from "../host/runtime.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { describeServer, type OwnPool, openPool, type PostgresPool } from "./postgres-pool.ts";
import { prepareSchema, quoteSchema, type TableSet } from "./postgres-schema.ts";

/** The default schema. */
export const DEFAULT_SCHEMA = "eka_ci_caches";

/**
 * The server: a connection string, or a pool of the host.
 *
 * @public
 */
export type PostgresServer =
  | {
      /** Connection string for the package `pg`. It may contain a password, and is never printed. */
      readonly connectionString: string;
      readonly pool?: undefined;
    }
  | {
      /**
       * The host's pool, which the host ends after closing the journal or ledger. A journal uses one
       * connection for each concurrent query, and waits if the pool has none left. One connection listens
       * while the journal is open.
       */
      readonly pool: PostgresPool;
      readonly connectionString?: undefined;
    };

/** A server with the required tables. */
export interface OpenedServer {
  readonly connection: PostgresConnection;
  /** The pool to end, if this package created it. */
  readonly ownPool: OwnPool | undefined;
  /** The quoted name of the schema. */
  readonly schema: string;
}

/** @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE`, `ERR_JOURNAL_FAILED` */
export async function openServer(
  { schema: name = DEFAULT_SCHEMA, ...place }: PostgresServer & { readonly schema?: string | undefined },
  clock: Clock,
  tables: TableSet,
): Promise<OpenedServer> {
  const { connectionString } = place;
  const schema = quoteSchema(name);
  const ownPool = connectionString === undefined ? undefined : await openPool(connectionString);
  const pool = ownPool ?? place.pool;
  if (pool === undefined) {
    const message = `The ${tables.name} has no server; give a pool or a connectionString`;
    throw new PushError("ERR_JOURNAL_FAILED", message);
  }
  const where = connectionString === undefined ? "PostgreSQL" : describeServer(connectionString);
  const connection = new PostgresConnection({ pool, clock, server: `${where}, schema ${schema}` });
  try {
    await prepareSchema(connection, schema, tables);
  } catch (error) {
    await ownPool?.end();
    throw error;
  }
  return { connection, ownPool, schema };
}
