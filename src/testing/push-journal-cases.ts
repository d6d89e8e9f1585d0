import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { PushJournal } from "../delivery/push-journal.ts";
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

/** What every journal keeps, on its own. */
export const JOURNAL_CASES: Readonly<Record<string, (journal: PushJournal) => Promise<void>>> = {
  "keeps what was accepted, whole": async (journal) => {
    assert.deepEqual(await accept(journal, "1"), ["1/a"]);
    const [leased] = (await take(journal)).deliveries;
    assert.ok(leased !== undefined);
    const { ageMs, attempts, crashes, progress, ...delivery } = leased;
    assert.deepEqual(delivery, deliveryOf("1"));
    assert.deepEqual([attempts, crashes, progress], [1, 0, undefined]);
    assert.ok(ageMs >= 0 && ageMs < 60_000);
  },
  "accepts no id twice, also after it was settled": async (journal) => {
    await accept(journal, "1");
    assert.deepEqual(await accept(journal, "1", "2"), ["2/a"]);
    const batch = await take(journal);
    assert.deepEqual(namesOf(batch), ["1", "2"]);
    await journal.settle(batch.token, [done("1"), done("2")]);
    assert.deepEqual(await accept(journal, "1"), []);
    assert.equal(await journal.lease(requestOf()), undefined);
  },
  "accepts an id once that is there twice": async (journal) => {
    assert.deepEqual(await accept(journal, "1", "1"), ["1/a"]);
    assert.deepEqual(namesOf(await take(journal)), ["1"]);
    assert.equal(await journal.lease(requestOf()), undefined);
  },
  "gives a delivery to one batch at a time, the oldest first, so many as are asked for": async (journal) => {
    await accept(journal, "3", "1", "2");
    assert.deepEqual(namesOf(await take(journal, { limit: 2 })), ["3", "1"]);
    assert.deepEqual(namesOf(await take(journal)), ["2"]);
    assert.equal(await journal.lease(requestOf()), undefined);
  },
  "gathers deliveries of one repository, cache and store": async (journal) => {
    await journal.accept([
      deliveryOf("1"),
      deliveryOf("2", { repository: "o/other" }),
      deliveryOf("3", { id: "3/b", cacheId: "b" }),
      deliveryOf("4", { storeId: "elsewhere" }),
      deliveryOf("5"),
    ]);
    const batches = [await take(journal), await take(journal), await take(journal)];
    assert.deepEqual(batches.map(namesOf).sort(), [["1", "5"], ["2"], ["3"]]);
    assert.equal(await journal.lease(requestOf()), undefined);
    assert.deepEqual(namesOf(await take(journal, { stores: ["other", "elsewhere"] })), ["4"]);
  },
  "serves caches in turn": async (journal) => {
    for (const cacheId of ["a", "b"])
      await journal.accept(
        [1, 2].map((n) => deliveryOf(`${n}`, { id: `${n}/${cacheId}`, cacheId, repository: `r/${n}` })),
      );
    const order: string[] = [];
    for (let turn = 0; turn < 4; turn++) order.push((await take(journal)).cacheId);
    assert.notEqual(order[0], order[1]);
    assert.notEqual(order[2], order[3]);
  },
  "holds no more batches of a cache than it may": async (journal) => {
    await accept(journal, "1", "2", "3");
    const one = { limit: 1, batchesPerCache: 2 };
    const first = await take(journal, one);
    await take(journal, one);
    assert.equal(await journal.lease(requestOf(one)), undefined);
    await journal.settle(first.token, [done("1")]);
    assert.deepEqual(namesOf(await take(journal, one)), ["3"]);
  },
  "leaves caches out, and takes one alone": async (journal) => {
    await journal.accept([deliveryOf("1"), deliveryOf("2", { id: "2/b", cacheId: "b" })]);
    assert.equal(await journal.lease(requestOf({ exceptCaches: ["a", "b"] })), undefined);
    assert.equal((await take(journal, { exceptCaches: ["a"] })).cacheId, "b");
    assert.equal(await journal.lease(requestOf({ onlyCache: "b" })), undefined);
    assert.equal(await journal.lease(requestOf({ onlyCache: "a", minAgeMs: 60_000 })), undefined);
    assert.equal((await take(journal, { onlyCache: "a", minAgeMs: 0 })).cacheId, "a");
  },
  "waits a little for others to share a batch with": async (journal) => {
    await accept(journal, "1");
    const request = requestOf({ lingerMs: SHORT_MS });
    assert.equal(await journal.lease(request), undefined);
    const next = await journal.nextInMs(request);
    assert.ok(next !== undefined && next > 0 && next <= SHORT_MS, `next in ${next}`);
    await setTimeout(LONGER_MS);
    await accept(journal, "2");
    assert.deepEqual(namesOf(await journal.lease(request)), ["1", "2"]);
    assert.equal((await journal.nextInMs(requestOf({ lingerMs: SHORT_MS, stores: ["x"] }))) === 0, false);
  },
  "settles some of a batch, and keeps the others held": async (journal) => {
    await accept(journal, "1", "2");
    const { token } = await take(journal);
    assert.equal(await journal.settle(token, [done("1")]), true);
    assert.equal(await journal.lease(requestOf()), undefined);
    assert.equal(await journal.settle(token, [done("2")]), true);
    assert.equal(await journal.settle(token, [done("2")]), false);
    assert.deepEqual(await journal.stats(), []);
  },
  "lets a delivery wait as long as a verdict says, with what the attempt left behind": async (journal) => {
    await accept(journal, "1");
    const { token } = await take(journal);
    await journal.settle(token, [{ id: "1/a", status: "retry", inMs: SHORT_MS, progress: "half" }]);
    assert.equal(await journal.lease(requestOf()), undefined);
    await setTimeout(LONGER_MS);
    const [again] = (await take(journal)).deliveries;
    assert.deepEqual([again?.attempts, again?.progress], [2, "half"]);
  },
  "takes the attempt back of what is released": async (journal) => {
    await accept(journal, "1");
    const { token } = await take(journal);
    await journal.settle(token, [{ id: "1/a", status: "released" }]);
    assert.equal((await take(journal)).deliveries[0]?.attempts, 1);
  },
  "takes back what is not renewed, and counts a crash": async (journal) => {
    await accept(journal, "1");
    await take(journal, { leaseMs: SHORT_MS });
    assert.equal(await journal.lease(requestOf()), undefined);
    await setTimeout(LONGER_MS);
    const [again] = (await take(journal)).deliveries;
    assert.deepEqual([again?.attempts, again?.crashes], [2, 1]);
  },
  "holds longer what is renewed, and names the leases that are lost": async (journal) => {
    await accept(journal, "1", "2");
    const [kept, lost] = [
      await take(journal, { limit: 1, leaseMs: SHORT_MS }),
      await take(journal, { leaseMs: SHORT_MS }),
    ];
    assert.deepEqual(await journal.renew([kept.token], 60_000), []);
    await setTimeout(LONGER_MS);
    assert.deepEqual(await journal.renew([kept.token, lost.token], 60_000), [lost.token]);
    assert.deepEqual(namesOf(await take(journal)), ["2"]);
  },
  "writes nothing for a lease that is lost, whoever has it now": async (journal) => {
    await accept(journal, "1");
    const lost = await take(journal, { leaseMs: SHORT_MS });
    await setTimeout(LONGER_MS);
    assert.equal(await journal.settle(lost.token, [done("1", "stale")]), false);
    const held = await take(journal);
    assert.notEqual(held.token, lost.token);
    assert.equal(await journal.settle(lost.token, [dead("1", "stale")]), false);
    assert.equal(await journal.settle(held.token, [done("1", "fresh")]), true);
    assert.deepEqual(
      (await journal.outcomes(0, { limit: 9 })).map(({ result }) => result),
      ["fresh"],
    );
    assert.deepEqual(await journal.deadLetters({ limit: 9 }), []);
  },
  "makes batches smaller for what has crashed, and buries it in the end": async (journal) => {
    await accept(journal, ...Array.from({ length: 28 }, (_name, index) => String(index)));
    const sizes: number[] = [];
    for (let crash = 0; crash < 3; crash++) {
      sizes.push((await take(journal, { limit: 28, leaseMs: SHORT_MS, maxCrashes: 3 })).deliveries.length);
      await setTimeout(LONGER_MS);
    }
    assert.deepEqual(sizes, [28, 2, 2]);
    while ((await journal.lease(requestOf({ limit: 28, maxCrashes: 2 }))) !== undefined);
    assert.equal((await journal.deadLetters({ limit: 99 })).length, 2);
    assert.equal((await journal.outcomes(0, { limit: 99 })).length, 2);
  },
  "keeps outcomes until they are acknowledged": async (journal) => {
    await accept(journal, "1", "2", "3");
    const { token } = await take(journal);
    await journal.settle(token, [done("1", "one"), dead("2", "two"), done("3")]);
    assert.deepEqual(await journal.outcomes(60_000, { limit: 9 }), []);
    const outcomes = await journal.outcomes(0, { limit: 9 });
    assert.deepEqual(outcomes.map(({ id, result }) => `${id} ${result}`).sort(), ["1/a one", "2/a two"]);
    assert.equal(outcomes[0]?.request, deliveryOf(outcomes[0]?.ticketId ?? "").request);
    await journal.acknowledge(["1/a", "3/a", "never"]);
    assert.deepEqual(
      (await journal.outcomes(0, { limit: 9 })).map(({ id }) => id),
      ["2/a"],
    );
    assert.deepEqual((await journal.outcomesOf(["1/a", "3/a", "never"])).map(({ result }) => result).sort(), [
      "none",
      "one",
    ]);
  },
  "gives outcomes page by page, in the order of acceptance, with what a dead letter says": async (
    journal,
  ) => {
    await accept(journal, "1", "2", "3", "4");
    const { token } = await take(journal);
    await journal.settle(token, [done("3", "three"), dead("2", "two")]);
    await journal.settle(token, [done("1", "one"), done("4", "four")]);
    const pages: string[][] = [];
    let after: number | undefined;
    for (let page = 0; page < 2; page++) {
      const outcomes = await journal.outcomes(0, { after, limit: 2 });
      pages.push(outcomes.map(({ id }) => id));
      after = outcomes.at(-1)?.position;
    }
    assert.deepEqual(pages, [
      ["1/a", "2/a"],
      ["3/a", "4/a"],
    ]);
    assert.deepEqual(await journal.outcomes(0, { after, limit: 2 }), []);
    const [one, two] = await journal.outcomes(0, { limit: 2 });
    assert.deepEqual([one?.code, one?.message], [undefined, undefined]);
    assert.deepEqual([two?.code, two?.message], ["ERR_PUSH_FAILED", "why"]);
  },
  "keeps the outcome of a letter that is dropped until it is told": async (journal) => {
    await accept(journal, "1", "2");
    const { token } = await take(journal);
    await journal.settle(token, [dead("1", "one"), dead("2")]);
    assert.equal(await journal.drop(["1/a", "2/a"]), 2);
    assert.deepEqual(await journal.deadLetters({ limit: 9 }), []);
    assert.equal(await journal.replay(["1/a"]), 0);
    assert.deepEqual(
      (await journal.outcomes(0, { limit: 9 })).map(({ id, code }) => `${id} ${code}`),
      ["1/a ERR_PUSH_FAILED"],
    );
    await journal.acknowledge(["1/a"]);
    assert.deepEqual(await journal.outcomes(0, { limit: 9 }), []);
  },
  "keeps dead letters apart until they are replayed or dropped": async (journal) => {
    await accept(journal, "1", "2", "3");
    const { token } = await take(journal);
    await journal.settle(token, [dead("1"), dead("2"), dead("3")]);
    const letters = await journal.deadLetters({ limit: 2 });
    const { buriedAt = 0, position = -1, ...letter } = letters[0] ?? {};
    assert.deepEqual(letter, { ...deliveryOf("1"), code: "ERR_PUSH_FAILED", message: "why", progress: "p" });
    assert.ok(buriedAt > 0);
    assert.ok(position >= 0);
    assert.equal(await journal.drop(["1/a", "never"]), 1);
    // Paging goes on, even though the letter before the page was deleted.
    assert.deepEqual(
      (await journal.deadLetters({ after: position, limit: 9 })).map(({ id }) => id),
      ["2/a", "3/a"],
    );
    assert.equal(await journal.replay(["2/a", "2/a", "1/a", "never"]), 1);
    const [again] = (await take(journal)).deliveries;
    assert.deepEqual([again?.ticketId, again?.attempts, again?.progress], ["2", 1, undefined]);
  },
  "counts what waits, is held and is dead": async (journal) => {
    await accept(journal, "1", "2", "3");
    const { token } = await take(journal, { limit: 2 });
    await journal.settle(token, [dead("1")]);
    const [stats] = await journal.stats();
    const { oldestMs = -1, ...counts } = stats ?? {};
    assert.deepEqual(counts, { cacheId: "a", waiting: 1, held: 1, dead: 1, attempts: 1 });
    assert.ok(oldestMs >= 0);
    assert.deepEqual(await journal.stats(["elsewhere"]), []);
  },
  "tells that something has changed": async (journal) => {
    let calls = 0;
    const stop = await journal.watch(() => calls++);
    await accept(journal, "1");
    await setTimeout(SHORT_MS);
    assert.ok(calls > 0);
    await stop();
  },
  "tells nobody who has stopped to watch, nor after it was closed": async (journal) => {
    let calls = 0;
    const stops = await Promise.all([journal.watch(() => calls++), journal.watch(() => calls++)]);
    await Promise.all(stops.map((stop) => stop()));
    void journal.watch(() => calls++);
    await journal.close();
    calls = 0;
    await setTimeout(SHORT_MS);
    assert.equal(calls, 0);
  },
};
