import { createMemoryJournal, type LeaseRequest } from "@eka-ci/caches";
import { createFakeClock } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import {
  deliveryOf,
  FakeCaches,
  flush,
  overrideJournal,
  requestFor,
  runUntil,
  setUpQueue,
  storedRequest,
} from "../support/fake-cache.ts";

const LEASE: LeaseRequest = {
  ...{ owner: "killed", stores: ["local"], limit: 100, leaseMs: 60_000, lingerMs: 0 },
  ...{ batchesPerCache: 9, maxCrashes: 3, exceptCaches: [] },
};

/** A journal with outcomes of a queue that was killed after it had settled them, before it told anybody. */
async function leaveUntold(count: number) {
  const clock = createFakeClock();
  const journal = createMemoryJournal({ clock });
  const names = Array.from({ length: count }, (_delivery, index) => String(index).padStart(3, "0"));
  await journal.accept(names.map((name) => deliveryOf(name, storedRequest(1))));
  let batch = await journal.lease(LEASE);
  while (batch !== undefined) {
    const verdicts = batch.deliveries.map(({ id }) => {
      return { id, status: "done" as const, result: "unreadable", isTold: false };
    });
    await journal.settle(batch.token, verdicts);
    batch = await journal.lease(LEASE);
  }
  return { clock, journal, names };
}

describe("telling outcomes", () => {
  it("survives listeners that throw", async () => {
    const caches = new FakeCaches();
    const { queue, clock, warnings } = setUpQueue(caches, {
      onSettled: () => {
        throw new Error("listener");
      },
    });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    await flush();
    expect(warnings).toEqual(["The onSettled callback failed; it is called again for this delivery later"]);
  });

  it("an asynchronous listener that fails is survived", async () => {
    const { queue, clock, warnings } = setUpQueue(new FakeCaches(), {
      onSettled: async () => Promise.reject(new Error("listener")),
    });
    await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
    await flush();
    await flush();
    expect(warnings).toEqual(["The onSettled callback failed; it is called again for this delivery later"]);
  });

  it("starves nobody while the listener fails for others, however many they are", async () => {
    const { clock, journal, names } = await leaveUntold(250);
    const told: string[] = [];
    const { queue } = setUpQueue(new FakeCaches(), {
      ...{ journal, clock },
      onSettled: ({ ticketId }) => {
        if (ticketId < "200") throw new Error("listener");
        told.push(ticketId);
      },
    });
    const draining = queue.drain({ timeoutMs: 300_000 });
    await expect(runUntil(clock, draining)).rejects.toMatchObject({ code: "ERR_PUSH_TIMEOUT" });
    expect(told.sort()).toEqual(names.slice(200));
  });

  it("closes in time though a listener hangs for the outcomes of others, however many they are", async () => {
    const { clock, journal } = await leaveUntold(900);
    let calls = 0;
    const { queue } = setUpQueue(new FakeCaches(), {
      ...{ journal, clock },
      onSettled: () => {
        calls++;
        return new Promise<void>(() => {});
      },
    });
    await runUntil(
      clock,
      queue.drain({ timeoutMs: 85_000 }).catch(() => undefined),
    );
    expect(calls).toBeGreaterThanOrEqual(100);
    const before = calls;
    const startedAt = clock.monotonic();
    await runUntil(clock, queue.close());
    expect(clock.monotonic() - startedAt).toBeLessThanOrEqual(11_000);
    expect(calls).toBeLessThanOrEqual(before + 100);
  });

  it("tells what became of a request that nobody can read, to the listener and to the ticket", async () => {
    const clock = createFakeClock();
    const journal = createMemoryJournal({ clock });
    const spoiling = overrideJournal(journal, {
      accept: (deliveries) => journal.accept(deliveries.map((one) => ({ ...one, request: "spoilt" }))),
    });
    const told: unknown[] = [];
    const { queue } = setUpQueue(new FakeCaches(), {
      ...{ journal: spoiling, clock },
      onSettled: (settled) => void told.push(settled),
    });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    const denied = { status: "denied", cacheId: "a", decision: { effect: "deny" } };
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: false, results: [denied] });
    expect(told).toMatchObject([{ ticketId: ticket.id, request: undefined, result: denied }]);
    expect(await queue.deadLetters()).toMatchObject([{ code: "ERR_REQUEST_UNREADABLE" }]);
  });
});
