import { execFile } from "node:child_process";
import { type Batch, createNodeRuntime, type LeaseRequest, type PushJournal } from "@eka-ci/caches";
import {
  createPostgresJournal,
  createPostgresLedger,
  type PostgresPool,
  type PostgresQueryResult,
} from "@eka-ci/caches/postgres";
import { describePushJournal, describePushLedger } from "@eka-ci/caches/testing";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { deliveryOf } from "../support/fake-cache.ts";
import { describeWith } from "../support/requirement.ts";
import { startPgbouncer } from "./servers/pgbouncer.ts";
import { type PostgresServer, startPostgres } from "./servers/postgres.ts";
import { startTcpProxy } from "./servers/tcp-proxy.ts";

const SECRET = "canary-7d1f-password";

const request = (more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  ...{ owner: "host", stores: ["local"], limit: 100, leaseMs: 60_000, lingerMs: 0, batchesPerCache: 9 },
  ...{ maxCrashes: 3, exceptCaches: [] },
  ...more,
});

const accept = (journal: PushJournal, ...names: readonly string[]): Promise<readonly string[]> =>
  journal.accept(names.map((name) => deliveryOf(name, { name })));

const leaseNames = async (journal: PushJournal): Promise<readonly string[]> =>
  (await journal.lease(request()))?.deliveries.map(({ ticketId }) => ticketId) ?? [];

describeWith("postgres", "a journal in PostgreSQL", () => {
  let server: PostgresServer;
  let schemas = 0;
  const newSchema = (): string => `journal_${schemas++}`;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const open = (schema = newSchema()): Promise<PushJournal> =>
    createPostgresJournal({ connectionString: server.url, schema });
  /** The same server by another port. */
  const urlBy = (port: number): string => server.url.replace(`:${server.port}/`, `:${port}/`);
  /** What opening a journal is refused with, which tells no password. */
  const refusal = async (connectionString: string, schema = newSchema()): Promise<string> => {
    const error: unknown = await createPostgresJournal({ connectionString, schema }).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ name: "PushError", code: "ERR_JOURNAL_FAILED" });
    expect(JSON.stringify([error, String(error)])).not.toContain(SECRET);
    return String(error);
  };

  describePushLedger({
    name: "in PostgreSQL",
    framework: { describe, it },
    open: (bounds) => createPostgresLedger({ connectionString: server.url, schema: newSchema(), ...bounds }),
  });

  it("lies beside a ledger in one schema, whichever is made first", async () => {
    for (const isLedgerFirst of [true, false]) {
      const schema = newSchema();
      const openLedger = () => createPostgresLedger({ connectionString: server.url, schema });
      const first = isLedgerFirst ? await openLedger() : await open(schema);
      const second = isLedgerFirst ? await open(schema) : await openLedger();
      const again = await openLedger();
      for (const opened of [first, second, again]) await opened.close();
    }
  });

  let last = "";
  describePushJournal({
    name: "in PostgreSQL",
    framework: { describe, it },
    open: () => {
      last = newSchema();
      return open(last);
    },
    reopen: () => open(last),
  });

  it("outlives its hosts and a crash of the server, and goes on by itself", async () => {
    const schema = newSchema();
    await using first = { journal: await open(schema), [Symbol.asyncDispose]: () => first.journal.close() };
    await accept(first.journal, "1", "2");
    const batch = await first.journal.lease(request({ limit: 1 }));
    await server.restart();
    const settle = () =>
      first.journal.settle(batch?.token ?? "", [
        { id: "1/a", status: "done", result: "kept", isTold: false },
      ]);
    await vi.waitFor(async () => expect(await settle()).toBe(true), 10_000);
    const second = await open(schema);
    expect((await second.outcomes(0, { limit: 9 })).map(({ result }) => result)).toEqual(["kept"]);
    expect(await leaseNames(second)).toEqual(["2"]);
    await second.close();
  });

  it("says so while the server is down, and is told of changes again afterwards", async () => {
    const schema = newSchema();
    const [journal, other] = [await open(schema), await open(schema)];
    let calls = 0;
    await journal.watch(() => calls++);
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0), 10_000);
    await server.stop();
    await expect(accept(journal, "1")).rejects.toMatchObject({ code: "ERR_JOURNAL_FAILED" });
    await server.start();
    // Its own loop comes back after a rest; until then changes are looked for.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    calls = 0;
    const startedAt = performance.now();
    await accept(other, "2");
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0), { timeout: 5_000, interval: 1 });
    expect(performance.now() - startedAt).toBeLessThan(450);
    const { rows = [] } = {
      rows: await server.run(
        `SELECT count(*)::int AS listening FROM pg_stat_activity WHERE query = 'LISTEN "${schema}"' OR query = 'SELECT 1'`,
      ),
    };
    expect(rows[0]?.["listening"]).toBeLessThanOrEqual(2);
    await Promise.all([journal.close(), other.close()]);
  });

  it("gives a question up that a cut network never answers, and holds no row meanwhile", async () => {
    const schema = newSchema();
    const direct = await open(schema);
    await accept(direct, "1");
    await using proxy = await startTcpProxy(server.port);
    let elapsed = 0;
    const { clock } = createNodeRuntime();
    // Its deadlines come fast.
    const hurried = {
      ...clock,
      monotonic: () => clock.monotonic() + elapsed,
      schedule: (callback: () => void, delayMs: number) => clock.schedule(callback, delayMs / 20),
    };
    const cut = await createPostgresJournal({
      ...{ connectionString: urlBy(proxy.port), schema },
      runtime: { clock: hurried },
    });
    proxy.cut();
    elapsed = 0;
    await expect(cut.lease(request())).rejects.toMatchObject({ code: "ERR_JOURNAL_FAILED" });
    expect(await leaseNames(direct)).toEqual(["1"]);
    proxy.heal();
    await vi.waitFor(async () => expect(await cut.stats()).toHaveLength(1), 10_000);
    await Promise.all([cut.close(), direct.close()]);
  });

  it("takes rows back from a host that stands still within a transaction", async () => {
    const schema = newSchema();
    const journal = await open(schema);
    await accept(journal, "1");
    const pool = new Pool({ connectionString: server.url });
    pool.on("error", () => undefined);
    // What a host does that is stopped after it has locked a lane.
    const stopped = await pool.connect();
    stopped.on("error", () => undefined);
    await stopped.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000");
    await stopped.query(`SELECT * FROM ${schema}.lane FOR UPDATE`);
    await vi.waitFor(async () => expect(await leaseNames(journal)).toEqual(["1"]), 10_000);
    stopped.release(true);
    await pool.end();
    await journal.close();
  });

  it("works behind a pooler in transaction mode, by looking for changes, and says so once", async () => {
    await using pooler = await startPgbouncer(server.port);
    const schema = newSchema();
    const warnings: string[] = [];
    const pooled = await createPostgresJournal({
      ...{ connectionString: urlBy(pooler.port), schema },
      runtime: { warn: (text) => warnings.push(text) },
    });
    const direct = await open(schema);
    let calls = 0;
    await pooled.watch(() => calls++);
    await vi.waitFor(() => expect(warnings).toHaveLength(1), 10_000);
    expect(warnings[0]).toContain("does not tell of changes");
    calls = 0;
    await accept(direct, "1");
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0), 2_000);
    expect(await leaseNames(pooled)).toEqual(["1"]);
    await Promise.all([pooled.close(), direct.close()]);
  });

  it("takes a pool of the host's own, gives every connection back, and leaves the pool open", async () => {
    const pool = new Pool({ connectionString: server.url, max: 6 });
    const journal = await createPostgresJournal({ pool, schema: newSchema() });
    const stop = await journal.watch(() => undefined);
    await accept(journal, "1", "2");
    await Promise.all(Array.from({ length: 30 }, () => journal.lease(request({ limit: 1 }))));
    await expect(
      journal.accept([deliveryOf("1", { name: "another" }), deliveryOf("3", {})]),
    ).rejects.toMatchObject({ code: "ERR_PUSH_ID_CONFLICT" });
    await stop();
    await journal.close();
    expect(pool.idleCount).toBe(pool.totalCount);
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it("is made once by hosts that start together", async () => {
    const schema = newSchema();
    const journals = await Promise.all(Array.from({ length: 8 }, () => open(schema)));
    await accept(journals[0] ?? (await open(schema)), "1");
    expect(await journals[7]?.stats()).toHaveLength(1);
    await Promise.all(journals.map((journal) => journal.close()));
  });

  it("is refused where it cannot be relied on, with what to do and without a password", async () => {
    const schema = newSchema();
    await (await open(schema)).close();
    await server.run(`UPDATE ${schema}.version SET number = 99`);
    expect(await refusal(server.url, schema)).toContain("newer version");
    await server.run(`CREATE ROLE weak LOGIN PASSWORD '${SECRET}'`);
    const weak = server.url.replace("postgres@", `weak:${SECRET}@`);
    expect(await refusal(weak)).toContain("CREATE on the database");
    expect(await refusal(weak.replace(/postgres$/u, "nowhere"))).toContain("no such database");
    expect(await refusal(`postgresql://x:${SECRET}@127.0.0.1:1/x`)).toContain("the connection failed");
    // A password that is not escaped belongs to no part of the URL that is told.
    expect(await refusal(`postgresql://ci:12/${SECRET}@db.invalid/ci`)).toContain("PostgreSQL");
    expect(await refusal(server.url, 'x"; DROP TABLE y')).toContain("no name of a schema");
  });

  it("needs no right to make anything once it is there", async () => {
    const schema = newSchema();
    await (await open(schema)).close();
    await server.run(`CREATE ROLE modest LOGIN; GRANT USAGE ON SCHEMA ${schema} TO modest;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO modest`);
    const connectionString = server.url.replace("postgres@", "modest@");
    const journal = await createPostgresJournal({ connectionString, schema });
    await accept(journal, "1");
    expect(await leaseNames(journal)).toEqual(["1"]);
    await journal.close();
  });

  it("says so when the primary becomes a standby", async () => {
    const schema = newSchema();
    const journal = await open(schema);
    await server.demote();
    await vi.waitFor(async () => {
      await expect(accept(journal, "1")).rejects.toMatchObject({
        message: expect.stringContaining("connect to the primary"),
      });
    }, 10_000);
    await server.promote();
    await vi.waitFor(async () => expect(await accept(journal, "1")).toEqual(["1/a"]), 10_000);
    await journal.close();
  });

  it("forgets what was settled long ago, and keeps what nobody was told", async () => {
    const schema = newSchema();
    const journal = await createPostgresJournal({
      ...{ connectionString: server.url, schema },
      runtime: { clock: { ...createNodeRuntime().clock, monotonic: fastClock() } },
    });
    await accept(journal, "1", "2", "3");
    const batch = await journal.lease(request());
    const end = (name: string, isTold: boolean) =>
      journal.settle(batch?.token ?? "", [{ id: `${name}/a`, status: "done", result: "x", isTold }]);
    await end("1", true);
    await end("2", false);
    await server.run(`UPDATE ${schema}.delivery SET settled_at = settled_at - interval '2 days'`);
    await end("3", true);
    const left = async () => (await journal.find(["1/a", "2/a", "3/a"])).map(({ ticketId }) => ticketId);
    await vi.waitFor(async () => expect(await left()).toEqual(["2", "3"]), 5_000);
    await server.run(
      `UPDATE ${schema}.delivery SET settled_at = settled_at - interval '31 days' WHERE NOT is_told`,
    );
    await journal.settle((await takeOne(journal, "4")).token, [{ id: "4/a", status: "released" }]);
    await vi.waitFor(async () => expect(await left()).toEqual(["3"]), 5_000);
    await journal.close();
  });

  it("answers for an id that no delivery can have", async () => {
    const journal = await open();
    expect(await journal.find(["x\u0000/a"])).toEqual([]);
    expect(await journal.list({ cacheId: "\u0000", limit: 9 })).toEqual([]);
    await journal.close();
  });

  it("closes though the server stands still at LISTEN", async () => {
    const pool = new Pool({ connectionString: server.url });
    pool.on("error", () => undefined);
    const stuck: PostgresPool = {
      connect: async () => {
        const client = await pool.connect();
        const query = client.query.bind(client);
        const answer = (text: string, values?: unknown[]): Promise<PostgresQueryResult> =>
          text.startsWith("LISTEN") ? new Promise(() => undefined) : query(text, values);
        return Object.assign(Object.create(client), {
          query: answer,
          release: (destroy?: boolean) => client.release(destroy),
        });
      },
    };
    const journal = await createPostgresJournal({ pool: stuck, schema: newSchema() });
    await journal.watch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await journal.close();
    await pool.end();
  });

  it("reads no settled delivery to find out what is ripe, waits or is listed", async () => {
    const schema = newSchema();
    const journal = await open(schema);
    await server.run(`INSERT INTO ${schema}.delivery
      (id, ticket_id, cache_id, store_id, repository, request, accepted_at, ready_at, settled_at, is_told)
      SELECT n || '/a', n::text, 'a', 'local', 'o/r', '{}', now(), now(), now(), true FROM generate_series(1, 50000) AS n`);
    await server.run(`SELECT pg_stat_reset_single_table_counters('${schema}.delivery'::regclass)`);
    await journal.lease(request());
    await journal.nextInMs(request());
    await journal.stats();
    await journal.list({ states: ["waiting", "held", "dead"], limit: 9 });
    await journal.outcomes(0, { limit: 9 });
    // The server's counters come a moment later.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const [read] = await server.run(
      `SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relid = '${schema}.delivery'::regclass`,
    );
    expect([Number(read?.["seq_tup_read"]), Number(read?.["idx_tup_fetch"])]).toEqual([0, 0]);
    await journal.close();
  });

  it("names the package that is missing", async () => {
    const script = `
      import { register } from "node:module";
      register("data:text/javascript," + encodeURIComponent(
        'export const resolve = (name, context, next) => name === "pg" ? Promise.reject(new Error("none")) : next(name, context);'));
      const { createPostgresJournal } = await import("@eka-ci/caches/postgres");
      await createPostgresJournal({ connectionString: "x" }).catch(({ code, message }) => console.log(code, message));`;
    const output = await new Promise<string>((resolve, reject) => {
      const args = ["--import", "tsx", "--input-type=module", "-e", script];
      execFile(process.execPath, args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
    });
    expect(output).toContain("ERR_JOURNAL_UNAVAILABLE The package pg is not installed");
  });
});

/** Accepts a delivery and takes it. */
async function takeOne(journal: PushJournal, name: string): Promise<Batch> {
  await accept(journal, name);
  const batch = await journal.lease(request());
  if (batch === undefined) throw new Error("there is nothing to take");
  return batch;
}

/** A clock that is ten seconds later each time. */
function fastClock(): () => number {
  let now = 0;
  return () => {
    now += 10_000;
    return now;
  };
}
