import { batchLimit, CRASHED } from "../delivery/crash-policy.ts";
import type { Batch, LeaseRequest, Verdict } from "../delivery/push-journal.ts";
import { GivenUp, type PostgresConnection, type Query, type Row } from "./postgres-connection.ts";
import { isLockTimeout } from "./postgres-errors.ts";
import { toLeased } from "./postgres-rows.ts";
import type { Statements } from "./postgres-statements.ts";

/** How often to retry if another host was faster. */
const ROUNDS = 8;

/** The values of the query for what may be taken. */
function toDueValues({ stores, exceptCaches, onlyCache, lingerMs, minAgeMs = 0 }: LeaseRequest) {
  return [stores, exceptCaches, onlyCache ?? null, lingerMs, minAgeMs] as const;
}

/** Takes and settles batches. */
export class PostgresLeases {
  readonly #connection: PostgresConnection;
  readonly #sql: Statements;

  constructor(connection: PostgresConnection, sql: Statements) {
    this.#connection = connection;
    this.#sql = sql;
  }

  /**
   * Takes the next batch. If nothing is due, nothing is written; otherwise hosts would wake each other
   * forever.
   */
  async take(request: LeaseRequest): Promise<Batch | undefined> {
    for (let round = 0; round < ROUNDS; round++) {
      const taken = await this.#tryTake(request);
      if (taken !== "again") return taken;
    }
    return undefined;
  }

  /** How long until the next waiting delivery may be taken. */
  async nextInMs({ stores, lingerMs }: LeaseRequest): Promise<number | undefined> {
    const [row] = await this.#connection.transact((query) => query(this.#sql.nextInMs, stores, lingerMs));
    const inMs = row?.["in_ms"];
    return typeof inMs === "number" ? Math.max(0, inMs) : undefined;
  }

  /** Writes the outcomes of deliveries of a batch. @returns false if the lease is lost */
  settle(token: string, verdicts: readonly Verdict[], channel: string): Promise<boolean> {
    return this.#connection.transact(async (query) => {
      const [held] = await query(this.#sql.lockBatch, token);
      if (held === undefined) return false;
      await query(this.#sql.settle, token, ...toColumns(verdicts));
      await query(this.#sql.endEmptyBatch, token);
      await query(this.#sql.notify, channel);
      return true;
    });
  }

  /** @returns `again` if leases were taken back, or other hosts were faster */
  async #tryTake(request: LeaseRequest): Promise<Batch | undefined | "again"> {
    try {
      return await this.#connection.transact(async (query) => {
        const [due] = await query(this.#sql.findDue, ...toDueValues(request), request.batchesPerCache);
        if (due?.["has_lapsed"] === true && (await this.#takeBack(query, request.maxCrashes))) return "again";
        const caches = toTexts(due?.["caches"]);
        if (caches.length === 0) return undefined;
        const cacheId = await this.#lockLane(query, caches);
        return cacheId === undefined ? undefined : await this.#hold(query, cacheId, request);
      });
    } catch (error) {
      if (error instanceof GivenUp) return "again";
      throw error;
    }
  }

  /** Takes back deliveries of ended leases. @returns whether there were any */
  async #takeBack(query: Query, maxCrashes: number): Promise<boolean> {
    const tokens = (await query(this.#sql.takeBack)).map(({ token }) => token);
    if (tokens.length === 0) return false;
    await query(this.#sql.crash, tokens, maxCrashes, CRASHED.code, CRASHED.message);
    return true;
  }

  /** Locks the first unlocked lane; if all are locked, it waits for the first. */
  async #lockLane(query: Query, caches: readonly string[]): Promise<string | undefined> {
    const [free] = await query(this.#sql.lockLane, caches);
    if (free !== undefined) return String(free["cache_id"]);
    try {
      const [awaited] = await query(this.#sql.awaitLane, caches[0]);
      return awaited === undefined ? undefined : String(awaited["cache_id"]);
    } catch (error) {
      if (isLockTimeout(error)) throw new GivenUp();
      throw error;
    }
  }

  async #hold(query: Query, cacheId: string, request: LeaseRequest): Promise<Batch> {
    const { limit, owner, leaseMs, batchesPerCache, minAgeMs = 0 } = request;
    const [stores, exceptCaches, , ...lengths] = toDueValues(request);
    const [inserted] = await query(this.#sql.insertBatch, cacheId, owner, leaseMs, batchesPerCache);
    const [leader] = await query(this.#sql.findLeader, stores, exceptCaches, cacheId, ...lengths);
    if (inserted === undefined || leader === undefined) throw new GivenUp();
    const { store_id, repository, crashes } = leader;
    const token = String(inserted["token"]);
    const rows: readonly Row[] = await query(
      this.#sql.hold,
      ...[token, cacheId, store_id, repository, Math.min(Number(crashes), 2), minAgeMs],
      batchLimit(limit, Number(crashes)),
    );
    if (rows.length === 0) throw new GivenUp();
    return { token, cacheId, deliveries: toLeased(rows) };
  }
}

function toTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** The members of verdicts, as columns. */
function toColumns(verdicts: readonly Verdict[]): readonly (readonly unknown[])[] {
  return [
    verdicts.map(({ id }) => id),
    verdicts.map(({ status }) => status),
    verdicts.map((verdict) => ("result" in verdict ? verdict.result : null) ?? null),
    verdicts.map((verdict) => ("isTold" in verdict ? verdict.isTold : true)),
    verdicts.map((verdict) => ("progress" in verdict ? verdict.progress : null) ?? null),
    verdicts.map((verdict) => ("code" in verdict ? verdict.code : null) ?? null),
    verdicts.map((verdict) => ("message" in verdict ? verdict.message : null) ?? null),
    verdicts.map((verdict) => (verdict.status === "retry" ? Math.max(0, verdict.inMs) : null)),
  ];
}
