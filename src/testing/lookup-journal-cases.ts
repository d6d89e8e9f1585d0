import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { DeliveryState, PushJournal } from "../delivery/push-journal.ts";
import {
  accept,
  dead,
  deliveryOf,
  done,
  LONGER_MS,
  namesOf,
  requestOf,
  SHORT_MS,
  take,
} from "./journal-steps.ts";

const isConflict = { code: "ERR_PUSH_ID_CONFLICT" };

/** What every journal knows about its deliveries, and what counts as the same. */
export const LOOKUP_JOURNAL_CASES: Readonly<Record<string, (journal: PushJournal) => Promise<void>>> = {
  "takes one request for a ticket, and stores nothing of another": async (journal) => {
    await accept(journal, "1");
    const sibling = deliveryOf("1", { id: "1/b", cacheId: "b" });
    const other = { ...sibling, request: "another" };
    await assert.rejects(journal.accept([deliveryOf("2"), other]), isConflict);
    await assert.rejects(journal.accept([{ ...deliveryOf("1"), request: "another" }]), isConflict);
    await assert.rejects(journal.accept([deliveryOf("3"), { ...deliveryOf("3"), request: "x" }]), isConflict);
    assert.deepEqual(await journal.find(["2/a", "3/a", "1/b"]), []);
    assert.deepEqual(await journal.accept([deliveryOf("1"), sibling]), ["1/b"]);
    // A ticket whose id begins with another's is another ticket.
    assert.deepEqual(await journal.accept(["11", "1-1"].map((name) => deliveryOf(name))), ["11/a", "1-1/a"]);
    const { token } = await take(journal, { onlyCache: "a" });
    await journal.settle(token, [done("1")]);
    await assert.rejects(journal.accept([{ ...sibling, request: "late" }]), isConflict);
  },
  "hands on what goes along with a request, and takes it for no part of it": async (journal) => {
    await journal.accept([deliveryOf("1", { context: "first" })]);
    assert.deepEqual(await journal.accept([deliveryOf("1", { context: "second" })]), []);
    assert.equal((await take(journal)).deliveries[0]?.context, "first");
  },
  "finds deliveries in any state": async (journal) => {
    await accept(journal, "settled", "dead", "held");
    const { token } = await take(journal);
    await journal.settle(token, [done("settled"), dead("dead")]);
    await accept(journal, "waiting");
    const records = await journal.find(["waiting/a", "settled/a", "held/a", "dead/a", "dead/a", "never"]);
    assert.deepEqual(
      records.map(({ id, state, attempts }) => `${id} ${state} ${attempts}`),
      ["settled/a settled 1", "dead/a dead 1", "held/a held 1", "waiting/a waiting 0"],
    );
    const [, letter, , waiting] = records;
    assert.deepEqual([letter?.code, letter?.message], ["ERR_PUSH_FAILED", "why"]);
    assert.deepEqual(
      [waiting?.code, waiting?.readyInMs, waiting?.request],
      [undefined, 0, deliveryOf("waiting").request],
    );
    assert.ok(waiting !== undefined && waiting.ageMs >= 0 && waiting.ageMs < 60_000);
  },
  "says how long a delivery still waits": async (journal) => {
    await accept(journal, "1");
    const { token } = await take(journal);
    await journal.settle(token, [{ id: "1/a", status: "retry", inMs: 60_000 }]);
    const [record] = await journal.find(["1/a"]);
    assert.ok(record !== undefined && record.readyInMs > 50_000 && record.readyInMs <= 60_000);
  },
  "lists deliveries by state and cache, page by page": async (journal) => {
    await accept(journal, "1", "2", "3", "4");
    await journal.accept([deliveryOf("5", { id: "5/b", cacheId: "b" })]);
    const { token } = await take(journal, { limit: 3, onlyCache: "a" });
    await journal.settle(token, [done("1"), dead("2")]);
    const list = async (
      states: readonly DeliveryState[] | undefined,
      cacheId?: string,
    ): Promise<readonly string[]> => (await journal.list({ states, cacheId, limit: 9 })).map(({ id }) => id);
    assert.deepEqual(await list(undefined), ["1/a", "2/a", "3/a", "4/a", "5/b"]);
    assert.deepEqual(await list(["waiting"]), ["4/a", "5/b"]);
    assert.deepEqual(await list(["held", "dead"]), ["2/a", "3/a"]);
    assert.deepEqual(await list(["settled"], "a"), ["1/a"]);
    assert.deepEqual(await list(["waiting"], "b"), ["5/b"]);
    const [first, second] = await journal.list({ limit: 2 });
    assert.equal(first?.id, "1/a");
    assert.deepEqual(
      (await journal.list({ after: second?.position, limit: 2 })).map(({ id }) => id),
      ["3/a", "4/a"],
    );
  },
  "cancels what waits, and leaves alone what is held or settled": async (journal) => {
    await accept(journal, "settled", "held");
    const { token } = await take(journal);
    await journal.settle(token, [done("settled")]);
    await accept(journal, "waiting", "other");
    const ids = ["settled/a", "held/a", "waiting/a", "waiting/a", "never"];
    assert.deepEqual(await journal.cancel(ids), ["waiting/a"]);
    assert.deepEqual(namesOf(await take(journal)), ["other"]);
    assert.equal(await journal.settle(token, [done("held")]), true);
    const outcomes = await journal.outcomes(0, { limit: 9 });
    assert.deepEqual(
      outcomes.map(({ id, code, result }) => [id, code, result]),
      [["waiting/a", "ERR_DELIVERY_CANCELLED", undefined]],
    );
    assert.deepEqual(await journal.deadLetters({ limit: 9 }), []);
    assert.deepEqual(await accept(journal, "waiting"), []);
    await journal.acknowledge(["waiting/a"]);
    assert.deepEqual(await journal.outcomes(0, { limit: 9 }), []);
  },
  "cancels what waits for another attempt": async (journal) => {
    await accept(journal, "1");
    const { token } = await take(journal);
    await journal.settle(token, [{ id: "1/a", status: "retry", inMs: SHORT_MS }]);
    assert.deepEqual(await journal.cancel(["1/a"]), ["1/a"]);
    await setTimeout(LONGER_MS);
    assert.equal(await journal.lease(requestOf()), undefined);
  },
};
