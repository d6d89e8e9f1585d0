import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Clock,
  createMemoryJournal,
  createNodeRuntime,
  createSqliteJournal,
  type Delivery,
  type LeaseRequest,
  type PushJournal,
  PushQueue,
} from "@eka-ci/caches";
import { describePushJournal } from "@eka-ci/caches/testing";
import { afterAll, describe, expect, it } from "vitest";
import {
  deliveryOf,
  FakeCaches,
  makeRegistry,
  runUntil,
  setUpQueue,
  storePath,
} from "../support/fake-cache.ts";
import { describeWithSqlite, hasSqlite } from "../support/requirement.ts";

const directory = mkdtempSync(join(tmpdir(), "eka-ci-journal-"));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
const newFile = (): string => join(directory, `${files++}.sqlite`);

const delivery = (name: string): Delivery => deliveryOf(name, { name });
const request: LeaseRequest = {
  ...{
    owner: "x",
    stores: ["local"],
    limit: 100,
    leaseMs: 60_000,
    lingerMs: 0,
    batchesPerCache: 9,
    maxCrashes: 3,
  },
  exceptCaches: [],
};
const namesOf = async (journal: PushJournal): Promise<readonly string[]> =>
  (await journal.lease(request))?.deliveries.map(({ ticketId }) => ticketId) ?? [];

/** The clock of a machine: a wall clock that anybody may set, and a monotonic one. */
function machine(): Clock & { wall: number; elapsed: number } {
  const clock = {
    ...createNodeRuntime().clock,
    wall: 1_000_000,
    elapsed: 500,
    now: () => clock.wall,
    monotonic: () => clock.elapsed,
  };
  return clock;
}

describePushJournal({ name: "in memory", framework: { describe, it }, open: () => createMemoryJournal() });

it("a journal in memory forgets the oldest outcomes that were told, by number and by size", async () => {
  const settleAll = async (count: number, result: string): Promise<number> => {
    const journal = createMemoryJournal();
    const names = Array.from({ length: count }, (_delivery, index) => String(index));
    await journal.accept(names.map(delivery));
    for (
      let batch = await journal.lease(request);
      batch !== undefined;
      batch = await journal.lease(request)
    ) {
      const verdicts = batch.deliveries.map(({ id }) => ({
        id,
        status: "done" as const,
        result,
        isTold: true,
      }));
      await journal.settle(batch.token, verdicts);
    }
    const kept = (await journal.outcomesOf(names.map((name) => `${name}/a`))).map(({ ticketId }) => ticketId);
    expect(kept).toEqual(names.slice(-kept.length));
    return kept.length;
  };
  expect(await settleAll(10_500, "r")).toBe(10_000);
  expect(await settleAll(500, "r".repeat(100_000))).toBe(167);
});

if (!hasSqlite)
  it("a Node.js without SQLite says which one has it", () => {
    expect(() => createSqliteJournal(newFile())).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_UNAVAILABLE", message: expect.stringContaining("22.13") }),
    );
  });

describeWithSqlite("a journal in SQLite", () => {
  let last = "";
  describePushJournal({
    name: "in SQLite",
    framework: { describe, it },
    open: () => {
      last = newFile();
      return createSqliteJournal(last);
    },
    reopen: () => createSqliteJournal(last),
  });

  it("outlives its process", async () => {
    const path = newFile();
    const first = createSqliteJournal(path);
    await first.accept([delivery("1"), delivery("2")]);
    await first.close();
    const second = createSqliteJournal(path);
    expect(await namesOf(second)).toEqual(["1", "2"]);
    await second.close();
  });

  it("is refused where there is none", () => {
    for (const path of [directory, "/no/such/directory/x.sqlite"])
      expect(() => createSqliteJournal(path)).toThrow(
        expect.objectContaining({ code: "ERR_JOURNAL_FAILED" }),
      );
  });

  it("is readable by its owner alone, with the files beside it, also one of an earlier version", async () => {
    const path = newFile();
    writeFileSync(path, "");
    chmodSync(path, 0o644);
    const journal = createSqliteJournal(path);
    await journal.accept([delivery("1")]);
    for (const suffix of ["", "-wal", "-shm"])
      expect((statSync(`${path}${suffix}`).mode & 0o777).toString(8), suffix).toBe("600");
    await journal.close();
  });

  it("keeps leases while the wall clock is set back by an hour and forward by ten years", async () => {
    const clock = machine();
    const journal = createSqliteJournal(newFile(), { runtime: { clock } });
    await journal.accept([delivery("1")]);
    const batch = await journal.lease(request);
    for (const step of [-3_600_000, 3_600_000 * 24 * 3_650]) {
      clock.wall += step;
      expect(await journal.lease(request)).toBeUndefined();
      expect(await journal.renew([batch?.token ?? ""], 60_000)).toEqual([]);
    }
    clock.elapsed += 59_999;
    expect(await journal.lease(request)).toBeUndefined();
    clock.elapsed += 2;
    expect((await journal.lease(request))?.deliveries[0]?.crashes).toBe(1);
    await journal.close();
  });

  it("goes on after a restart of the machine, whose clock begins anew", async () => {
    const path = newFile();
    const clock = machine();
    clock.elapsed = 90_000_000;
    const before = createSqliteJournal(path, { runtime: { clock } });
    await before.accept([delivery("1")]);
    await before.lease(request);
    await before.close();
    clock.elapsed = 20_000;
    const after = createSqliteJournal(path, { runtime: { clock } });
    expect(await after.lease(request)).toBeUndefined();
    clock.elapsed += 60_001;
    const [taken] = (await after.lease(request))?.deliveries ?? [];
    expect(taken?.crashes).toBe(1);
    expect(taken?.ageMs).toBeLessThan(61_000);
    await after.close();
  });

  it("forgets what was told after a day, and what was not after a month", async () => {
    const clock = machine();
    const journal = createSqliteJournal(newFile(), { runtime: { clock } });
    const settle = async (name: string, isTold: boolean): Promise<void> => {
      await journal.accept([delivery(name)]);
      const token = (await journal.lease(request))?.token ?? "";
      expect(await journal.settle(token, [{ id: `${name}/a`, status: "done", result: "r", isTold }])).toBe(
        true,
      );
    };
    const listKept = async (): Promise<readonly string[]> =>
      (await journal.outcomesOf(["1/a", "2/a"])).map(({ id }) => id);
    await settle("1", true);
    await settle("2", false);
    const day = 24 * 3_600_000;
    for (const [at, kept] of [
      [day - 1, ["1/a", "2/a"]],
      [day + 1, ["2/a"]],
      [30 * day - 1, ["2/a"]],
      [30 * day + 1, []],
    ] as const) {
      clock.elapsed = 500 + at;
      await settle(`at ${at}`, true);
      expect(await listKept(), `after ${at} ms`).toEqual(kept);
    }
    await journal.close();
  });

  it("waits for a host that opens the same new file", async () => {
    const path = newFile();
    const script = `
      const { DatabaseSync } = require("node:sqlite");
      const database = new DatabaseSync(process.argv[1]);
      database.exec("CREATE TABLE other (a); BEGIN; SELECT * FROM other");
      console.log("ready");
      setTimeout(() => process.exit(), 700);`;
    const other = spawn(process.execPath, ["--no-warnings", "-e", script, path]);
    await once(other.stdout, "data");
    await createSqliteJournal(path).close();
    await once(other, "exit");
  });

  it("waits for another process without blocking the thread", async () => {
    const path = newFile();
    const journal = createSqliteJournal(path);
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite") as unknown as {
      DatabaseSync: new (path: string) => { exec(sql: string): void; close(): void };
    };
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    const accepting = journal.accept([delivery("1")]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    clearInterval(ticking);
    other.exec("COMMIT");
    other.close();
    expect(await accepting).toEqual(["1/a"]);
    expect(ticks).toBeGreaterThan(20);
    await journal.close();
  });
});

describeWithSqlite("a journal of version 0.1", () => {
  /** Written by 0.1: deliveries that are held, free and buried, and one that somebody has changed by hand. */
  const openOld = (): string => {
    const path = newFile();
    writeFileSync(path, readFileSync(new URL("../fixtures/journal/version-0.1.sqlite", import.meta.url)));
    return path;
  };

  it("is brought up to date when it is opened, with nothing lost", async () => {
    const path = openOld();
    for (let opened = 0; opened < 2; opened++) {
      const journal = createSqliteJournal(path);
      expect(await journal.stats()).toMatchObject([{ cacheId: "a", waiting: 5, held: 0, dead: 1 }]);
      expect(await journal.deadLetters({ limit: 9 })).toMatchObject([
        { id: "buried", ticketId: "ticket-of-buried", code: "ERR_PUSH_FAILED", buriedAt: 1_800_000_001_000 },
      ]);
      await journal.close();
    }
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  });

  it("is delivered as 0.1 would have, and what cannot be read is a dead letter", async () => {
    const caches = new FakeCaches();
    const { executor, runtime, clock } = setUpQueue(caches);
    const registry = makeRegistry('allow_all = false, allowed_repos = ["o/r"]', { executor, runtime });
    const journal = createSqliteJournal(openOld(), { runtime: { clock } });
    const told: string[] = [];
    await using queue = new PushQueue(registry, {
      runtime,
      journal,
      onSettled: ({ ticketId, result }) => void told.push(`${ticketId} ${result.status}`),
    });
    await runUntil(clock, queue.drain());
    expect([...caches.of("a")].sort()).toEqual([1, 2, 3, 5].map(storePath));
    expect(told.sort()).toEqual([
      "ticket-of-fork denied",
      "ticket-of-free pushed",
      "ticket-of-held pushed",
      "ticket-of-misspelt denied",
      "ticket-of-without-ref pushed",
    ]);
    const letters = (await queue.deadLetters()).map(({ id, code }) => `${id} ${code}`);
    expect(letters.sort()).toEqual([
      "buried ERR_PUSH_FAILED",
      "fork ERR_PERMISSION_DENIED",
      "misspelt ERR_REQUEST_UNREADABLE",
    ]);
  });

  it("is not opened by a host of an older version once a newer one has written it", async () => {
    const path = openOld();
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite") as unknown as {
      DatabaseSync: new (path: string) => { exec(sql: string): void; close(): void };
    };
    await createSqliteJournal(path).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 3");
    database.close();
    expect(() => createSqliteJournal(path)).toThrow(
      expect.objectContaining({
        code: "ERR_JOURNAL_FAILED",
        message: expect.stringContaining("newer version"),
      }),
    );
  });
});
