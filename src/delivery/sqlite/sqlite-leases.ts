import type { Clock } from "../../host/runtime.ts";
import { batchLimit, CRASHED } from "../crash-policy.ts";
import { toDelivery } from "../journal-rows.ts";
import type { Batch, LeaseRequest, Verdict } from "../push-journal.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import { type Row, toRow } from "./sqlite-module.ts";
import { toLeased } from "./sqlite-rows.ts";
import { SQL } from "./sqlite-statements.ts";

/** Takes and settles batches, within a transaction of the caller. */
export class SqliteLeases {
  readonly #connection: SqliteConnection;
  readonly #clock: Clock;

  /** @param clock - the time at which a dead letter was buried, for people */
  constructor(connection: SqliteConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Whether a lease has ended, or something may be taken. */
  isDue(request: LeaseRequest, now: number): boolean {
    return (
      this.#connection.rows(SQL.findLapsed, now).length > 0 || this.#findLeader(request, now) !== undefined
    );
  }

  /** Takes back deliveries of ended leases. */
  takeBack(now: number, maxCrashes: number): void {
    const { code, message } = CRASHED;
    const buriedAt = this.#clock.now();
    for (const { token } of this.#connection.rows(SQL.findLapsed, now)) {
      const batch = Number(token);
      this.#connection.change(SQL.buryCrashed, now, buriedAt, code, message, batch, maxCrashes);
      this.#connection.change(SQL.freeCrashed, now, batch);
      this.#connection.change(SQL.endBatch, batch);
    }
  }

  /** Takes the next batch. */
  take(request: LeaseRequest, now: number): Batch | undefined {
    const leader = this.#findLeader(request, now);
    return leader === undefined ? undefined : this.#hold(leader, request, now);
  }

  #findLeader(
    { stores, minAgeMs = 0, lingerMs, exceptCaches, onlyCache, batchesPerCache }: LeaseRequest,
    now: number,
  ) {
    const values = [
      JSON.stringify(stores),
      now - minAgeMs,
      now,
      now - lingerMs,
      JSON.stringify(exceptCaches),
    ];
    const [leader] = this.#connection.rows(
      SQL.findLeader,
      ...values,
      onlyCache ?? null,
      onlyCache ?? null,
      batchesPerCache,
    );
    return leader;
  }

  #hold(leader: Row, { limit, minAgeMs = 0, owner, leaseMs }: LeaseRequest, now: number): Batch {
    const { cacheId, storeId, repository } = toDelivery(leader);
    const crashes = Number(leader["crashes"]);
    const values = [
      cacheId,
      storeId,
      repository,
      Math.min(crashes, 2),
      now - minAgeMs,
      now,
      Number(leader["number"]),
    ];
    const rows = [
      leader,
      ...this.#connection.rows(SQL.findCompanions, ...values, batchLimit(limit, crashes) - 1),
    ];
    const { token } = toRow(this.#connection.prepare(SQL.insertBatch).get(cacheId, owner, now + leaseMs));
    for (const { number } of rows) this.#connection.change(SQL.hold, Number(token), Number(number));
    this.#connection.change(SQL.serve, Number(token), cacheId);
    return { token: String(token), cacheId, deliveries: rows.map((row) => toLeased(row, now)) };
  }

  /** Writes the outcome of a delivery of a batch. */
  apply(verdict: Verdict, batch: number, now: number): void {
    const { id } = verdict;
    switch (verdict.status) {
      case "done":
        this.#connection.change(SQL.done, now, verdict.result, verdict.isTold ? 1 : 0, id, batch);
        break;
      case "dead": {
        const { result, isTold, progress, code, message } = verdict;
        const outcome = [now, result ?? null, isTold ? 1 : 0, progress ?? null];
        this.#connection.change(SQL.dead, ...outcome, this.#clock.now(), code, message, id, batch);
        break;
      }
      case "retry":
        this.#connection.change(
          SQL.retry,
          now + Math.max(0, verdict.inMs),
          verdict.progress ?? null,
          id,
          batch,
        );
        break;
      case "released":
        this.#connection.change(SQL.release, id, batch);
        break;
    }
  }
}
