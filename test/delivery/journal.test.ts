import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMemoryJournal,
  createSqliteJournal,
  type Delivery,
  type Lease,
  type PushJournal,
} from "@eka-ci/caches";
import { afterAll, describe, expect, it } from "vitest";
import { requestFor } from "../support/fake-cache.ts";

const hasSqlite = process.getBuiltinModule?.("node:sqlite") !== undefined;
const directory = mkdtempSync(join(tmpdir(), "eka-ci-journal-"));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
const openSqlite = (): PushJournal => createSqliteJournal(join(directory, `${files++}.sqlite`));

const delivery = (id: string, acceptedAt = 0): Delivery => ({
  id,
  ticketId: `ticket-of-${id}`,
  cacheId: "a",
  request: { ...requestFor(["a"], 1), commit: "abc" },
  acceptedAt,
});
const lease = (owner: string, now: number): Lease => ({ owner, now, expiresAt: now + 100 });
const idsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ id }) => id);

const describeJournal = (name: string, open: () => PushJournal): void => {
  describe(`the journal ${name}`, () => {
    it("keeps what was accepted, whole, held by its queue", async () => {
      const journal = open();
      await journal.accept([delivery("1"), delivery("2", 7)], lease("x", 0));
      expect(await journal.lease(lease("y", 99), 9)).toEqual([]);
      expect(await journal.lease(lease("y", 100), 9)).toEqual([delivery("1"), delivery("2", 7)]);
      await journal.close();
    });

    it("gives a delivery to one queue at a time, the oldest first, so many as are asked for", async () => {
      const journal = open();
      for (const id of ["3", "1", "2"]) await journal.accept([delivery(id)], lease("x", 0));
      expect(idsOf(await journal.lease(lease("y", 200), 2))).toEqual(["3", "1"]);
      expect(idsOf(await journal.lease(lease("z", 200), 2))).toEqual(["2"]);
      expect(await journal.lease(lease("y", 200), 2)).toEqual([]);
      await journal.close();
    });

    it("holds longer what is renewed, and gives back what is released", async () => {
      const journal = open();
      await journal.accept([delivery("1"), delivery("2")], lease("x", 0));
      await journal.renew(["1"], lease("x", 90));
      expect(idsOf(await journal.lease(lease("y", 150), 9))).toEqual(["2"]);
      await journal.release(["2"], "x");
      expect(await journal.lease(lease("z", 151), 9)).toEqual([]);
      await journal.release(["1"], "x");
      await journal.release(["2"], "y");
      expect(idsOf(await journal.lease(lease("z", 151), 9)).sort()).toEqual(["1", "2"]);
      await journal.close();
    });

    it("tells how long others hold what they hold, and nothing of what is settled or buried", async () => {
      const journal = open();
      expect(await journal.heldUntil("y")).toBeUndefined();
      await journal.accept([delivery("1"), delivery("2")], lease("x", 0));
      await journal.renew(["2"], lease("x", 50));
      expect(await journal.heldUntil("x")).toBeUndefined();
      expect(await journal.heldUntil("y")).toBe(150);
      await journal.settle(["2"]);
      expect(await journal.heldUntil("y")).toBe(100);
      await journal.release(["1"], "x");
      expect(await journal.heldUntil("y")).toBeUndefined();
      await journal.accept([delivery("3")], lease("x", 0));
      await journal.bury({ delivery: delivery("3"), buriedAt: 1, code: "c", message: "m" });
      expect(await journal.heldUntil("y")).toBeUndefined();
      await journal.close();
    });

    it("forgets what is settled", async () => {
      const journal = open();
      await journal.accept([delivery("1"), delivery("2")], lease("x", 0));
      await journal.settle(["1", "never"]);
      expect(idsOf(await journal.lease(lease("y", 1_000), 9))).toEqual(["2"]);
      await journal.close();
    });

    it("keeps dead letters apart until they are revived", async () => {
      const journal = open();
      await journal.accept([delivery("1"), delivery("2")], lease("x", 0));
      const buried = { ...delivery("1"), request: requestFor(["a"], 9) };
      const letter = { delivery: buried, buriedAt: 50, code: "ERR_PUSH_FAILED", message: "why" };
      await journal.bury(letter);
      expect(await journal.deadLetters()).toEqual([letter]);
      expect(idsOf(await journal.lease(lease("y", 1_000), 9))).toEqual(["2"]);
      expect(await journal.revive(["1", "2", "never"])).toBe(1);
      expect(await journal.deadLetters()).toEqual([]);
      expect(await journal.lease(lease("y", 1_001), 9)).toEqual([buried]);
      await journal.close();
    });

    it("accepts all of a request or nothing", async () => {
      const journal = open();
      if (!journal.isDurable) return;
      await journal.accept([delivery("1")], lease("x", 0));
      await expect(journal.accept([delivery("2"), delivery("1")], lease("x", 0))).rejects.toThrow();
      expect(idsOf(await journal.lease(lease("y", 1_000), 9))).toEqual(["1"]);
      await journal.close();
    });
  });
};

describeJournal("in memory", createMemoryJournal);

if (hasSqlite) {
  describeJournal("in SQLite", openSqlite);

  it("the journal in SQLite outlives its process, and is shared by two", async () => {
    const path = join(directory, "shared.sqlite");
    const first = createSqliteJournal(path);
    await first.accept([delivery("1")], lease("x", 0));
    const second = createSqliteJournal(path);
    expect(await second.lease(lease("y", 50), 9)).toEqual([]);
    await first.close();
    expect(await second.lease(lease("y", 100), 9)).toEqual([delivery("1")]);
    await second.close();
  });

  it("a file that is no journal is refused", () => {
    expect(() => createSqliteJournal(directory)).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_FAILED" }),
    );
    expect(() => createSqliteJournal("/no/such/directory/x.sqlite")).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_FAILED" }),
    );
  });
} else {
  it("a Node.js without SQLite says which one has it", () => {
    expect(openSqlite).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_UNAVAILABLE", message: expect.stringContaining("22.13") }),
    );
  });
}
