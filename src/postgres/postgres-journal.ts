import { PushError } from "../core/errors.ts";
import { toBuried, toOutcome } from "../delivery/journal-rows.ts";
import { CANCELLED, toPushIdConflict } from "../delivery/push-id-conflict.ts";
import type {
  Batch,
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  LeaseRequest,
  ListRequest,
  Outcome,
  PageRequest,
  PushJournal,
  Verdict,
} from "../delivery/push-journal.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import { ChangeListener } from "./change-listener.ts";
import { DEFAULT_SCHEMA, openServer, type PostgresServer } from "./open-server.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { PostgresLeases } from "./postgres-leases.ts";
import type { OwnPool } from "./postgres-pool.ts";
import { toRecord, toStats } from "./postgres-rows.ts";
import { JOURNAL_TABLES } from "./postgres-schema.ts";
import { createStatements, type Statements } from "./postgres-statements.ts";

/**
 * Options of {@link createPostgresJournal}.
 *
 * @example
 * ```ts
 * const options: PostgresJournalOptions = { connectionString: "postgresql://ci@db.example/ci", schema: "eka_ci_caches" };
 * ```
 *
 * @public
 */
export type PostgresJournalOptions = PostgresJournalSettings & PostgresServer;

/**
 * Common members of {@link PostgresJournalOptions}.
 *
 * @public
 */
export interface PostgresJournalSettings {
  /**
   * Name of the schema of the tables, 1 to 63 lower-case letters, digits and underscores; default
   * `eka_ci_caches`.
   */
  readonly schema?: string | undefined;
  /**
   * How long settled deliveries are remembered, in milliseconds, to recognise a repeated `pushId`; at least
   * 10 minutes, default a day.
   */
  readonly retentionMs?: number | undefined;
  /** Ports to use instead of those of Node.js: the clock and warnings. */
  readonly runtime?: Partial<Pick<Runtime, "clock" | "warn">> | undefined;
}

const DAY_MS = 24 * 3_600_000;
/** How long an untold outcome is kept. */
const UNTOLD_RETENTION_MS = 30 * DAY_MS;
/** A queue that accepted a delivery must be able to find its outcome. */
const LEAST_RETENTION_MS = 600_000;
/** How often old settled deliveries are deleted, and how many at a time. */
const PRUNE_EVERY_MS = 5_000;
const PRUNE_LIMIT = 5_000;

/**
 * Opens a journal in PostgreSQL 13 or newer, which queues of many machines can share. Accepted requests are
 * committed before `enqueue` resolves. The first start creates the schema; its user needs CREATE on the
 * database, or must own a schema of that name. After that, SELECT, INSERT, UPDATE and DELETE on the tables
 * are enough.
 *
 * Leases and ages use the server's clock; the clocks of hosts do not matter. Behind a pooler in transaction
 * mode, it finds changes within half a second instead of at once.
 *
 * @param options - the server or a pool, and the schema
 * @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` if there is no pool and the package `pg` is not
 * installed, `ERR_JOURNAL_FAILED` if the server is unreachable, refuses, or has tables of a newer version
 *
 * @example
 * ```ts
 * import { PushQueue } from "@eka-ci/caches";
 * import { createPostgresJournal } from "@eka-ci/caches/postgres";
 *
 * const journal = await createPostgresJournal({ connectionString: "postgresql://ci@db.example/ci" });
 * const queue = new PushQueue(registry, { journal, stores: ["builder-1"] });
 * ```
 *
 * @public
 */
export async function createPostgresJournal(options: PostgresJournalOptions): Promise<PushJournal> {
  const { schema: name = DEFAULT_SCHEMA, retentionMs = DAY_MS } = options;
  const runtime = createNodeRuntime(options.runtime);
  const { connection, ownPool, schema } = await openServer(options, runtime.clock, JOURNAL_TABLES);
  return new PostgresJournal({
    connection,
    runtime,
    channel: name,
    schema,
    ownPool,
    retentionMs: Math.max(LEAST_RETENTION_MS, retentionMs),
  });
}

interface PostgresJournalParts {
  readonly connection: PostgresConnection;
  readonly runtime: Runtime;
  readonly channel: string;
  readonly schema: string;
  readonly ownPool: OwnPool | undefined;
  readonly retentionMs: number;
}

class PostgresJournal implements PushJournal {
  readonly isDurable = true;
  readonly isShared = true;
  readonly #parts: PostgresJournalParts;
  readonly #connection: PostgresConnection;
  readonly #sql: Statements;
  readonly #leases: PostgresLeases;
  readonly #listeners = new Set<() => void>();
  #listener: ChangeListener | undefined;
  #prunedAt: number;
  #pruning: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: PostgresJournalParts) {
    this.#parts = parts;
    this.#connection = parts.connection;
    this.#sql = createStatements(parts.schema);
    this.#leases = new PostgresLeases(parts.connection, this.#sql);
    this.#prunedAt = parts.runtime.clock.monotonic();
  }

  get isNotified(): boolean | undefined {
    return this.#listener?.isNotified;
  }

  async accept(deliveries: readonly Delivery[]): Promise<readonly string[]> {
    if (deliveries.length === 0) return [];
    const column = (name: keyof Delivery) => deliveries.map((delivery) => delivery[name] ?? null);
    const [tickets, caches, requests] = [column("ticketId"), column("cacheId"), column("request")];
    return this.#connection.transact(async (query) => {
      await query(this.#sql.lockTickets, tickets);
      await query(this.#sql.addLanes, caches);
      const columns = [
        column("id"),
        tickets,
        caches,
        column("storeId"),
        column("repository"),
        requests,
        column("context"),
      ];
      const fresh = await query(this.#sql.insert, ...columns);
      const conflicts = await query(this.#sql.findConflict, tickets, requests);
      if (conflicts.length > 0) throw toPushIdConflict();
      if (fresh.length > 0) await this.#notify(query);
      return fresh.map(({ id }) => String(id));
    });
  }

  lease(request: LeaseRequest): Promise<Batch | undefined> {
    return this.#leases.take(request);
  }

  async renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]> {
    const renewed = await this.#connection.query(this.#sql.renew, tokens, leaseMs);
    const held = new Set(renewed.map(({ token }) => String(token)));
    return tokens.filter((token) => !held.has(token));
  }

  async settle(token: string, verdicts: readonly Verdict[]): Promise<boolean> {
    const isHeld = await this.#leases.settle(token, verdicts, this.#parts.channel);
    this.#pruning ??= this.#prune().finally(() => {
      this.#pruning = undefined;
    });
    return isHeld;
  }

  nextInMs(request: LeaseRequest): Promise<number | undefined> {
    return this.#leases.nextInMs(request);
  }

  async watch(listener: () => void): Promise<() => Promise<void>> {
    if (this.#closing !== undefined) throw new PushError("ERR_JOURNAL_FAILED", "The journal was closed");
    const entry = (): void => listener();
    this.#listeners.add(entry);
    const { connection, runtime, channel } = this.#parts;
    const onChange = (): void => this.#tell();
    this.#listener ??= new ChangeListener({ connection, runtime, channel, onChange });
    return async () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) await this.#stopListening();
    };
  }

  async outcomes(untoldForMs: number, { after = -1, limit }: PageRequest): Promise<readonly Outcome[]> {
    return (await this.#connection.query(this.#sql.untold, untoldForMs, after, limit)).map(toOutcome);
  }

  async outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]> {
    return (await this.#connection.query(this.#sql.outcomesOf, ids)).map(toOutcome);
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    await this.#connection.query(this.#sql.acknowledge, ids);
  }

  async deadLetters({ after = -1, limit }: PageRequest): Promise<readonly BuriedDelivery[]> {
    return (await this.#connection.query(this.#sql.deadLetters, after, limit)).map(toBuried);
  }

  replay(ids: readonly string[]): Promise<number> {
    return this.#connection.transact(async (query) => {
      const replayed = await query(this.#sql.replay, ids);
      await this.#notify(query);
      return replayed.length;
    });
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#connection.transact(async (query) => {
      const told = await query(this.#sql.drop, ids);
      return told.length + (await query(this.#sql.dropUntold, ids)).length;
    });
  }

  async list({ after = -1, limit, cacheId, states }: ListRequest): Promise<readonly DeliveryRecord[]> {
    const values = [after, cacheId ?? null, states ?? null, limit];
    return (await this.#connection.transact((query) => query(this.#sql.list, ...values))).map(toRecord);
  }

  async find(ids: readonly string[]): Promise<readonly DeliveryRecord[]> {
    return (await this.#connection.query(this.#sql.find, ids)).map(toRecord);
  }

  cancel(ids: readonly string[]): Promise<readonly string[]> {
    const { code, message } = CANCELLED;
    return this.#connection.transact(async (query) => {
      const cancelled = await query(this.#sql.cancel, ids, code, message);
      await this.#notify(query);
      return cancelled.map(({ id }) => String(id));
    });
  }

  async stats(stores?: readonly string[]): Promise<readonly CacheStats[]> {
    return (await this.#connection.transact((query) => query(this.#sql.stats, stores ?? null))).map(toStats);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listeners.clear();
    await this.#stopListening();
    await this.#pruning;
    this.#connection.close();
    await this.#parts.ownPool?.end();
  }

  async #notify(query: (sql: string, ...values: readonly unknown[]) => Promise<unknown>): Promise<void> {
    await query(this.#sql.notify, this.#parts.channel);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #stopListening(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
  }

  /**
   * Deletes old settled deliveries, a few at a time. A failure here does not affect what was just settled.
   */
  async #prune(): Promise<void> {
    const { runtime, retentionMs } = this.#parts;
    if (runtime.clock.monotonic() - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = runtime.clock.monotonic();
    try {
      await this.#connection.transact(async (query) => {
        await query(this.#sql.pruneTold, retentionMs, PRUNE_LIMIT);
        await query(this.#sql.pruneUntold, UNTOLD_RETENTION_MS, PRUNE_LIMIT);
      });
    } catch (error) {
      if (error instanceof PushError) runtime.warn(`What is settled was not forgotten: ${error.message}`);
    }
  }
}
