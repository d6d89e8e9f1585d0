import { PushError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import { isObject } from "../core/own-member.ts";

/**
 * The result of a query, as in the package `pg`.
 *
 * @public
 */
export interface PostgresQueryResult {
  /** The rows, with members by column name. */
  readonly rows: readonly unknown[];
}

/**
 * A connection of a {@link PostgresPool}, as in the package `pg`.
 *
 * @public
 */
export interface PostgresClient {
  /** Runs a statement. */
  query(text: string, values?: unknown[]): Promise<PostgresQueryResult>;
  /** Releases the connection; `true` closes it. */
  release(destroy?: boolean): void;
  /** Listens for notifications, and for the loss of the connection. */
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  /** Removes the listener. */
  removeListener(event: string, listener: (...values: unknown[]) => void): unknown;
}

/**
 * A pool of connections. `Pool` of the package `pg` is one.
 *
 * @example
 * ```ts
 * import { Pool } from "pg";
 *
 * const pool: PostgresPool = new Pool({ host: "/run/postgresql", database: "ci" });
 * ```
 *
 * @public
 */
export interface PostgresPool {
  /** Takes a connection. */
  connect(): Promise<PostgresClient>;
}

/** A pool that this package creates and ends. */
export interface OwnPool extends PostgresPool {
  end(): Promise<void>;
}

/** Connections of a pool of this package: for writes, for queries, and one that listens. */
const CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;

const loadPg = lateImport(async () => {
  try {
    return await import("pg");
  } catch {
    const message = "The package pg is not installed; install it, or give the journal a pool";
    throw new PushError("ERR_JOURNAL_UNAVAILABLE", message);
  }
});

/** Creates a pool of connections, with the package `pg`. */
export async function openPool(connectionString: string): Promise<OwnPool> {
  const { Pool } = (await loadPg()).default;
  const pool = new Pool({
    connectionString,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: "eka-ci-caches",
  });
  // A connection that is lost while idle is replaced at the next query. Without a listener it would end the
  // process.
  pool.on("error", () => undefined);
  return pool;
}

/** The address of a connection string, without user and password. */
export function describeServer(connectionString: string): string {
  try {
    const { host, pathname, searchParams } = new URL(connectionString);
    const place = `${host || (searchParams.get("host") ?? "localhost")}${pathname}`;
    // An unescaped password may be in other parts of the URL.
    return /^[\w.:[\]-]+\/[\w-]*$/u.test(place) ? place : "PostgreSQL";
  } catch {
    return "PostgreSQL";
  }
}

/** Reads a row. */
export function toRow(row: unknown): Readonly<Record<string, unknown>> {
  if (isObject(row)) return row;
  throw new TypeError("PostgreSQL gave a row that is none");
}
