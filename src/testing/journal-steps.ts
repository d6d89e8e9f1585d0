import assert from "node:assert/strict";
import type { Batch, Delivery, LeaseRequest, PushJournal, Verdict } from "../delivery/push-journal.ts";

/** A lease that ends soon, in milliseconds, and a wait that outlasts it. */
export const SHORT_MS = 150;
export const LONGER_MS = 250;

export const deliveryOf = (name: string, more: Partial<Delivery> = {}): Delivery => ({
  id: `${name}/a`,
  ticketId: name,
  cacheId: "a",
  storeId: "store",
  repository: "o/r",
  request: JSON.stringify({ name, odd: "\u0000 \ud800 \u2028" }),
  ...more,
});

export const requestOf = (more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  owner: "queue",
  stores: ["store"],
  limit: 10,
  leaseMs: 60_000,
  lingerMs: 0,
  batchesPerCache: 10,
  maxCrashes: 3,
  exceptCaches: [],
  ...more,
});

export const namesOf = (batch: Batch | undefined): readonly string[] =>
  batch?.deliveries.map(({ ticketId }) => ticketId) ?? [];

export async function take(journal: PushJournal, more: Partial<LeaseRequest> = {}): Promise<Batch> {
  const batch = await journal.lease(requestOf(more));
  assert.ok(batch !== undefined, "there is something to take");
  return batch;
}

export const accept = (journal: PushJournal, ...names: readonly string[]): Promise<readonly string[]> =>
  journal.accept(names.map((name) => deliveryOf(name)));

/** A pushed delivery; without a result there is nobody to tell. */
export const done = (name: string, result?: string): Verdict => {
  return { id: `${name}/a`, status: "done", result: result ?? "none", isTold: result === undefined };
};
/** A delivery that was given up; without a result there is nobody to tell. */
export const dead = (name: string, result?: string): Verdict => {
  const letter = { progress: "p", code: "ERR_PUSH_FAILED", message: "why" };
  return { id: `${name}/a`, status: "dead", result, isTold: result === undefined, ...letter };
};
