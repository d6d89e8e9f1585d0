import fc from "fast-check";
import { expect, it } from "vitest";
import type { LeaseRequest } from "../../src/delivery/push-journal.ts";
import { isServedBefore, type WaitingRow, WaitingRows } from "../../src/delivery/waiting-rows.ts";

const row = fc.record({
  delivery: fc.record({
    cacheId: fc.constantFrom("a", "b"),
    storeId: fc.constantFrom("local", "builder"),
    repository: fc.constantFrom("o/r", "o/s"),
  }),
  acceptedAt: fc.nat({ max: 20 }),
  /** How long after acceptance it is ready again, if it was leased before. */
  delay: fc.nat({ max: 20 }),
  attempts: fc.nat({ max: 2 }),
  crashes: fc.nat({ max: 3 }),
});

const rows = fc.array(row, { maxLength: 30 }).map((drawn) => {
  const inOrder = drawn.toSorted((one, other) => one.acceptedAt - other.acceptedAt);
  return inOrder.map(({ delay, ...drawnRow }, number): WaitingRow => {
    const { acceptedAt, attempts } = drawnRow;
    return { ...drawnRow, number, readyAt: acceptedAt + (attempts === 0 ? 0 : delay) };
  });
});

const request = fc.record({
  owner: fc.constant("queue"),
  stores: fc.subarray(["local", "builder"]),
  limit: fc.integer({ min: 1, max: 5 }),
  leaseMs: fc.constant(1_000),
  lingerMs: fc.nat({ max: 10 }),
  batchesPerCache: fc.constant(1),
  maxCrashes: fc.constant(3),
  exceptCaches: fc.subarray(["a", "b"], { maxLength: 1 }),
  onlyCache: fc.constantFrom(undefined, "a"),
  minAgeMs: fc.constantFrom(undefined, 5, 15),
});

function inServiceOrder(found: readonly WaitingRow[]): readonly WaitingRow[] {
  return found.toSorted((one, other) => (isServedBefore(one, other) ? -1 : 1));
}

function mayLead(candidate: WaitingRow, now: number, asked: LeaseRequest): boolean {
  const { delivery, acceptedAt, attempts, readyAt } = candidate;
  return (
    asked.stores.includes(delivery.storeId) &&
    (asked.onlyCache ?? delivery.cacheId) === delivery.cacheId &&
    !asked.exceptCaches.includes(delivery.cacheId) &&
    now - acceptedAt >= (asked.minAgeMs ?? 0) &&
    (attempts === 0 ? acceptedAt + asked.lingerMs : readyAt) <= now
  );
}

function mayJoin(leader: WaitingRow, candidate: WaitingRow, now: number, asked: LeaseRequest): boolean {
  const { delivery, crashes, readyAt, acceptedAt } = candidate;
  return (
    JSON.stringify(delivery) === JSON.stringify(leader.delivery) &&
    Math.min(crashes, 2) === Math.min(leader.crashes, 2) &&
    readyAt <= now &&
    now - acceptedAt >= (asked.minAgeMs ?? 0)
  );
}

it("finds the leaders, the batches and the next time that a look at every row finds", () => {
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.nat()),
      fc.integer({ min: 20, max: 45 }),
      request,
      (all, taken, now, asked) => {
        const waiting = new WaitingRows();
        for (const added of all) waiting.add(added);
        const gone = new Set(taken.map((place) => all[place % Math.max(1, all.length)]));
        for (const removed of gone) if (removed !== undefined) waiting.remove(removed);
        const left = all.filter((candidate) => !gone.has(candidate));

        const leaders = waiting.findLeaders(now, asked);
        const able = inServiceOrder(left.filter((candidate) => mayLead(candidate, now, asked)));
        const isFirstOfLane = (candidate: WaitingRow, place: number): boolean =>
          able.findIndex(
            ({ delivery }) =>
              delivery.cacheId === candidate.delivery.cacheId &&
              delivery.storeId === candidate.delivery.storeId,
          ) === place;
        expect(new Set(leaders)).toEqual(new Set(able.filter(isFirstOfLane)));

        for (const leader of leaders) {
          const others = left.filter((other) => other !== leader && mayJoin(leader, other, now, asked));
          const batch = waiting.findBatch(leader, now, asked.limit, asked);
          expect(batch).toEqual([leader, ...inServiceOrder(others).slice(0, asked.limit - 1)]);
        }

        const times = left.map(({ attempts, acceptedAt, readyAt }) =>
          attempts === 0 ? acceptedAt + asked.lingerMs : readyAt,
        );
        expect(waiting.nextReadyAt(now, asked.lingerMs)).toBe(
          Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > now)),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});
