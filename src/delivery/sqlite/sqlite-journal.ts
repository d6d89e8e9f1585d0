import { PushError } from "../../core/errors.ts";
import { createNodeRuntime, type Runtime } from "../../host/runtime.ts";
import { toBuried, toOutcome } from "../journal-rows.ts";
import { CANCELLED, toPushIdConflict } from "../push-id-conflict.ts";
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
} from "../push-journal.ts";
import type { JournalClock } from "./journal-clock.ts";
import { openJournal } from "./open-journal.ts";
import type { JournalSalvage } from "./salvage-journal.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import { SqliteLeases } from "./sqlite-leases.ts";
import type { Value } from "./sqlite-module.ts";
import { toRecord, toStats } from "./sqlite-rows.ts";
import { SQL } from "./sqlite-statements.ts";

/**
 * Options of {@link createSqliteJournal}.
 *
 * @example
 * ```ts
 * const options: SqliteJournalOptions = { onSalvage: ({ kept, lost }) => alertOperators(`${kept} kept, ${lost} lost`) };
 * ```
 *
 * @public
 */
export interface SqliteJournalOptions {
  /**
   * Called if the file was damaged, before the journal is returned; by default the runtime's `warn` is
   * called.
   */
  readonly onSalvage?: ((salvage: JournalSalvage) => void) | undefined;
  /** Ports to use instead of those of Node.js: the clock, randomness and warnings. */
  readonly runtime?: Partial<Runtime> | undefined;
}

const DAY_MS = 24 * 3_600_000;
/** How long settled deliveries are remembered: their ids and outcomes. */
const RETENTION_MS = DAY_MS;
/** How long an untold outcome is kept. */
const UNTOLD_RETENTION_MS = 30 * DAY_MS;
/** How often to check whether another process has changed the file. */
const WATCH_MS = 50;

/**
 * Opens a journal in one SQLite file, with `node:sqlite`. Accepted requests are on disk before `enqueue`
 * resolves. Several processes of one machine may share it. Only its owner can read the file and those beside
 * it. A damaged file is salvaged: everything readable is copied into a new one.
 *
 * @param path - absolute path of the file, created if needed; its directory must be writable, and on a local
 * disk
 * @param options - a listener for salvages, and ports
 * @throws {@link PushError} `ERR_JOURNAL_UNAVAILABLE` on a Node.js without `node:sqlite`,
 * `ERR_JOURNAL_FAILED` if the file cannot be opened, `ERR_JOURNAL_CORRUPT` if nothing of it can be salvaged
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { journal: createSqliteJournal("/var/lib/eka-ci/pushes.sqlite") });
 * ```
 *
 * @public
 */
export function createSqliteJournal(path: string, options: SqliteJournalOptions = {}): PushJournal {
  const runtime = createNodeRuntime(options.runtime);
  const { connection, clock } = openJournal(path, runtime, options.onSalvage);
  return new SqliteJournal(connection, clock, runtime);
}

class SqliteJournal implements PushJournal {
  readonly isDurable = true;
  readonly isShared = true;
  readonly isNotified = true;
  readonly #connection: SqliteConnection;
  readonly #time: JournalClock;
  readonly #leases: SqliteLeases;
  readonly #runtime: Runtime;
  readonly #listeners = new Set<() => void>();
  #cancelWatch: (() => void) | undefined;
  #isClosed = false;

  constructor(connection: SqliteConnection, time: JournalClock, runtime: Runtime) {
    this.#connection = connection;
    this.#time = time;
    this.#leases = new SqliteLeases(connection, runtime.clock);
    this.#runtime = runtime;
  }

  async accept(deliveries: readonly Delivery[]): Promise<readonly string[]> {
    const fresh = await this.#write((now) =>
      deliveries.filter((delivery) => this.#insert(delivery, now)).map(({ id }) => id),
    );
    this.#tell();
    return fresh;
  }

  async lease(request: LeaseRequest): Promise<Batch | undefined> {
    // A query writes nothing. Otherwise hosts would wake each other forever.
    const isDue = await this.#connection.read(() => this.#leases.isDue(request, this.#time.now()));
    if (!isDue) return undefined;
    return this.#write((now) => {
      this.#leases.takeBack(now, request.maxCrashes);
      return this.#leases.take(request, now);
    });
  }

  renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]> {
    return this.#write((now) =>
      tokens.filter((token) => this.#connection.change(SQL.renew, now + leaseMs, Number(token), now) === 0),
    );
  }

  async settle(token: string, verdicts: readonly Verdict[]): Promise<boolean> {
    const isHeld = await this.#write((now) => {
      const batch = Number(token);
      if (this.#connection.prepare(SQL.findBatch).get(batch, now) === undefined) return false;
      for (const verdict of verdicts) this.#leases.apply(verdict, batch, now);
      this.#connection.change(SQL.endEmptyBatch, batch, batch);
      this.#connection.change(SQL.prune, now - RETENTION_MS, now - UNTOLD_RETENTION_MS);
      return true;
    });
    this.#tell();
    return isHeld;
  }

  nextInMs({ lingerMs, stores }: LeaseRequest): Promise<number | undefined> {
    return this.#connection.read(() => {
      const now = this.#time.now();
      const ready = this.#connection.rows(SQL.nextReady, lingerMs, JSON.stringify(stores), lingerMs, now);
      const times = [...ready, ...this.#connection.rows(SQL.nextLapse, now)].flatMap(({ at }) =>
        typeof at === "number" ? at : [],
      );
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - now);
    });
  }

  async watch(listener: () => void): Promise<() => Promise<void>> {
    if (this.#isClosed) throw new PushError("ERR_JOURNAL_FAILED", "The journal was closed");
    const entry = (): void => listener();
    this.#listeners.add(entry);
    if (this.#cancelWatch === undefined) this.#watch(undefined);
    return async () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  outcomes(untoldForMs: number, { after, limit }: PageRequest): Promise<readonly Outcome[]> {
    return this.#connection.read(() =>
      this.#connection.rows(SQL.untold, this.#time.now() - untoldForMs, after ?? -1, limit).map(toOutcome),
    );
  }

  outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]> {
    return this.#connection.read(() =>
      this.#connection.rows(SQL.outcomesOf, JSON.stringify(ids)).map(toOutcome),
    );
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    await this.#write(() => this.#connection.changeEach(SQL.acknowledge, ids, (id) => [id]));
  }

  deadLetters({ after, limit }: PageRequest): Promise<readonly BuriedDelivery[]> {
    return this.#connection.read(() =>
      this.#connection.rows(SQL.deadLetters, after ?? -1, limit).map(toBuried),
    );
  }

  async replay(ids: readonly string[]): Promise<number> {
    const count = await this.#write((now) =>
      this.#connection.changeEach(SQL.replay, ids, (id) => [now, now, id]),
    );
    this.#tell();
    return count;
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#write(() => {
      const told = this.#connection.changeEach(SQL.drop, ids, (id) => [id]);
      return told + this.#connection.changeEach(SQL.dropUntold, ids, (id) => [id]);
    });
  }

  list({ after, limit, cacheId, states }: ListRequest): Promise<readonly DeliveryRecord[]> {
    const wanted = states === undefined ? null : JSON.stringify(states);
    const values = [after ?? -1, cacheId ?? null, cacheId ?? null, wanted, wanted, limit];
    return this.#records(SQL.list, values);
  }

  find(ids: readonly string[]): Promise<readonly DeliveryRecord[]> {
    return this.#records(SQL.find, [JSON.stringify(ids)]);
  }

  async cancel(ids: readonly string[]): Promise<readonly string[]> {
    const { code, message } = CANCELLED;
    const cancelled = await this.#write((now) =>
      ids.filter((id) => this.#connection.change(SQL.cancel, now, code, message, id) > 0),
    );
    this.#tell();
    return cancelled;
  }

  stats(stores?: readonly string[]): Promise<readonly CacheStats[]> {
    return this.#connection.read(() => {
      const now = this.#time.now();
      const own = stores === undefined ? null : JSON.stringify(stores);
      return this.#connection.rows(SQL.stats, own, own).map((row) => toStats(row, now));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#stopWatching();
    this.#connection.close();
  }

  #records(sql: string, values: readonly Value[]): Promise<readonly DeliveryRecord[]> {
    return this.#connection.read(() => {
      const now = this.#time.now();
      return this.#connection.rows(sql, ...values).map((row) => toRecord(row, now));
    });
  }

  #insert(delivery: Delivery, now: number): boolean {
    const { id, ticketId, cacheId, storeId, repository, request, context = null } = delivery;
    if (this.#connection.rows(SQL.findConflict, ticketId, ticketId, request).length > 0)
      throw toPushIdConflict();
    this.#connection.change(SQL.addLane, cacheId);
    const values = [id, ticketId, cacheId, storeId, repository, request, context, now, now];
    return this.#connection.change(SQL.insert, ...values) > 0;
  }

  #write<Result>(work: (now: number) => Result): Promise<Result> {
    return this.#connection.write(() => work(this.#time.advance()));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /**
   * `PRAGMA data_version` changes when another connection has written:
   * https://www.sqlite.org/pragma.html#pragma_data_version.
   */
  #readVersion(): Promise<unknown> {
    return this.#connection.read(() => this.#connection.rows(SQL.dataVersion)[0]?.["data_version"]);
  }

  /**
   * @param known - the last version seen; if absent, the first check reports a change
   */
  #watch(known: unknown): void {
    this.#cancelWatch = this.#runtime.clock.schedule(async () => {
      // The next operation reports a file that does not answer.
      const version = await this.#readVersion().catch(() => known);
      if (this.#cancelWatch === undefined) return;
      if (version !== known) this.#tell();
      this.#watch(version);
    }, WATCH_MS);
  }

  #stopWatching(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }
}
