import { PushError } from "../core/errors.ts";
import { toMembers } from "../core/own-member.ts";
import { withDeadline } from "../host/deadline.ts";
import type { Clock } from "../host/runtime.ts";
import { isRepeatable, QUERY_TIMEOUT, toJournalError } from "./postgres-errors.ts";
import { type PostgresClient, type PostgresPool, toRow } from "./postgres-pool.ts";
import { toStored } from "./to-stored.ts";

/** A row of a table; its members are read one by one. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs a statement and returns its rows. */
export type Query = (sql: string, ...values: readonly unknown[]) => Promise<readonly Row[]>;

/** What a connection needs. */
export interface PostgresConnectionOptions {
  readonly pool: PostgresPool;
  readonly clock: Clock;
  /** The address of the server, for people. */
  readonly server: string;
}

/** Timeout of one operation, including the wait for a connection. After it, the connection is closed. */
const OPERATION_TIMEOUT_MS = 15_000;
/** How often a transaction is tried if others undo it. */
const ATTEMPTS = 4;
/**
 * A host that stops within a transaction holds rows that others need, so the server ends it soon. The tables
 * of a queue grow and shrink faster than the server's statistics, which could make it scan a large table. The
 * settings end with their transaction, because a pooler may give the connection to another client.
 */
const BEGIN = [
  "BEGIN ISOLATION LEVEL READ COMMITTED",
  "SET LOCAL statement_timeout = 10000",
  "SET LOCAL lock_timeout = 3000",
  "SET LOCAL idle_in_transaction_session_timeout = 5000",
  "SET LOCAL enable_seqscan = off",
  // A disabled plan counts as expensive, and expensive queries would be compiled first.
  "SET LOCAL jit = off",
].join("; ");

const ignore = (): void => undefined;

/** The access to the server. No query waits forever, and no lost connection ends the process. */
export class PostgresConnection {
  readonly #options: PostgresConnectionOptions;
  /** A lost connection without a listener would end the process, even after it was given up. */
  readonly #guarded = new WeakSet<PostgresClient>();
  #isClosed = false;

  constructor(options: PostgresConnectionOptions) {
    this.#options = options;
  }

  /** The address of the server, for people. */
  get server(): string {
    return this.#options.server;
  }

  /** Runs one statement on its own. */
  query(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]> {
    return this.#run((query) => query(sql, ...values));
  }

  /**
   * Runs statements in one transaction, all or none. It is repeated if another transaction has undone it.
   */
  async transact<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#run((query) => runTransaction(query, work), attempt < ATTEMPTS);
      } catch (error) {
        if (!(error instanceof Undone)) throw error;
      }
    }
  }

  /** Takes a connection from the pool to listen with it. The caller releases it. */
  async take(ends: AbortSignal): Promise<PostgresClient> {
    this.#assertOpen();
    return this.#withDeadline((signal) => this.#connect(signal), ends);
  }

  /** Runs a statement on a taken connection, within a timeout and until a signal aborts. */
  async ask(client: PostgresClient, sql: string, ends: AbortSignal): Promise<void> {
    await this.#withDeadline(() => client.query(sql), ends);
  }

  close(): void {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new PushError("ERR_JOURNAL_FAILED", "The journal was closed");
  }

  async #run<Result>(work: (query: Query) => Promise<Result>, mayRepeat = false): Promise<Result> {
    this.#assertOpen();
    try {
      return await this.#withDeadline((signal) => this.#runWithClient(work, signal));
    } catch (error) {
      if (error instanceof GivenUp) throw error;
      if (mayRepeat && isRepeatable(error)) throw new Undone();
      throw toJournalError(error, this.server);
    }
  }

  async #runWithClient<Result>(
    work: (query: Query) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    const client = await this.#connect(signal);
    let isSound = false;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      client.release(!isSound);
    };
    // The result of a connection that was given up is ignored.
    signal.addEventListener("abort", release, { once: true });
    try {
      const result = await work(async (sql, ...values) => {
        signal.throwIfAborted();
        const result: unknown = await client.query(
          sql,
          values.length === 0 ? undefined : values.map(toStored),
        );
        return toRows(result);
      });
      isSound = true;
      return result;
    } catch (error) {
      isSound = error instanceof RolledBack;
      throw error instanceof RolledBack ? error.reason : error;
    } finally {
      signal.removeEventListener("abort", release);
      release();
    }
  }

  /** A connection that arrives when nobody waits any more is released at once. */
  async #connect(signal: AbortSignal): Promise<PostgresClient> {
    const client = await this.#options.pool.connect();
    if (!this.#guarded.has(client)) client.on("error", ignore);
    this.#guarded.add(client);
    if (!signal.aborted) return client;
    client.release();
    throw signal.reason;
  }

  #withDeadline<Result>(work: (signal: AbortSignal) => Promise<Result>, ends?: AbortSignal): Promise<Result> {
    return withDeadline(work, {
      clock: this.#options.clock,
      signal: ends,
      timeoutMs: OPERATION_TIMEOUT_MS,
      onTimeout: () => Object.assign(new Error("The server did not answer in time"), { code: QUERY_TIMEOUT }),
    });
  }
}

/** The rows of a result. Several statements at once have one result each, which are not read. */
function toRows(result: unknown): readonly Row[] {
  const { rows } = toMembers(result);
  return Array.isArray(rows) ? rows.map(toRow) : [];
}

/** What work throws to roll back its transaction without an error. */
export class GivenUp extends Error {}

/** A transaction that another one has undone. */
class Undone extends Error {}

/** A transaction that was rolled back properly; its connection can be reused. */
class RolledBack extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("The transaction was rolled back");
    this.reason = reason;
  }
}

async function runTransaction<Result>(
  query: Query,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  await query(BEGIN);
  try {
    const result = await work(query);
    await query("COMMIT");
    return result;
  } catch (error) {
    await query("ROLLBACK");
    throw new RolledBack(error);
  }
}
