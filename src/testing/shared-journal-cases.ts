import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { PushJournal } from "../delivery/push-journal.ts";
import { accept, done, LONGER_MS, namesOf, requestOf, SHORT_MS, take } from "./journal-steps.ts";

type Reopen = () => PushJournal | Promise<PushJournal>;

type SharedCase = (journal: PushJournal, reopen: Reopen) => Promise<void>;

const withSecond =
  (test: (journal: PushJournal, second: PushJournal) => Promise<void>): SharedCase =>
  async (journal, reopen) => {
    const second = await reopen();
    try {
      await test(journal, second);
    } finally {
      await second.close();
    }
  };

/** What a journal keeps between two hosts. */
export const SHARED_JOURNAL_CASES: Readonly<Record<string, SharedCase>> = {
  "gives nothing to two hosts": withSecond(async (journal, second) => {
    await accept(journal, ...Array.from({ length: 40 }, (_name, index) => String(index)));
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_turn, index) =>
        (index % 2 === 0 ? journal : second).lease(requestOf({ limit: 2, batchesPerCache: 99 })),
      ),
    );
    const names = taken.flatMap(namesOf);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.length, 40);
  }),
  "keeps the bound of a cache over all hosts": withSecond(async (journal, second) => {
    await accept(journal, ...Array.from({ length: 20 }, (_name, index) => String(index)));
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_turn, index) =>
        (index % 2 === 0 ? journal : second).lease(requestOf({ limit: 1, batchesPerCache: 3 })),
      ),
    );
    assert.equal(taken.filter((batch) => batch !== undefined).length, 3);
  }),
  "tells another host that something has changed": withSecond(async (journal, second) => {
    let calls = 0;
    const stop = await second.watch(() => calls++);
    await accept(journal, "1");
    await setTimeout(500);
    assert.ok(calls > 0);
    await stop();
  }),
  "lets another host take what one has left": withSecond(async (journal, second) => {
    await accept(journal, "1");
    const lost = await take(journal, { leaseMs: SHORT_MS });
    await setTimeout(LONGER_MS);
    const held = await take(second);
    assert.equal(await journal.settle(lost.token, [done("1")]), false);
    assert.equal(await second.settle(held.token, [done("1", "x")]), true);
    assert.equal((await journal.outcomes(0, { limit: 9 })).length, 1);
  }),
};
