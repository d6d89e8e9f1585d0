import { createMemoryJournal, PushQueue } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import {
  FakeCaches,
  flush,
  makeRegistry,
  overrideJournal,
  requestFor,
  runUntil,
  setUpQueue,
} from "../support/fake-cache.ts";

const statusesOf = (report: {
  readonly results: readonly { readonly cacheId: string; readonly status: string }[];
}) => report.results.map(({ cacheId, status }) => [cacheId, status]);

describe("accepting", () => {
  it("reports each cache of a request once, in its order, and settles denied ones at once", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches);
    const ticket = await queue.enqueue(requestFor(["b", "nope", "a", "b"], 1));
    expect(queue.size).toBe(2);
    const report = await runUntil(clock, ticket.done);
    expect(report).toMatchObject({ pushId: ticket.id, ok: false });
    expect(statusesOf(report)).toEqual([
      ["b", "pushed"],
      ["nope", "denied"],
      ["a", "pushed"],
    ]);
    expect(queue.size).toBe(0);
    const denied = await queue.enqueue(requestFor(["nope"], 1));
    expect(statusesOf(await denied.done)).toEqual([["nope", "denied"]]);
    expect((await (await queue.enqueue(requestFor([], 1))).done).results).toEqual([]);
  });

  it("closes in the middle of accepting without losing the ticket", async () => {
    const { queue } = setUpQueue(new FakeCaches());
    const accepting = queue.enqueue(requestFor(["a"], 1));
    const closing = queue.close();
    const outcome = await accepting.then(
      async ({ done }) => (await done).results[0]?.status,
      (error: unknown) => (error as { code?: string }).code,
    );
    await closing;
    expect(["aborted", "ERR_QUEUE_CLOSED"]).toContain(outcome);
  });

  it.each([
    { capacity: 0, concurrency: 0, maxBatchPaths: 0, maxAttempts: 0, lingerMs: -1, leaseMs: 0 },
    { capacity: Number.NaN, concurrency: Number.NaN, maxBatchPaths: 1e9, lingerMs: Number.NaN },
  ])("works within bounds whatever it is told: %j", async (options) => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, options);
    const accepting = Promise.all([1, 2, 3].map((index) => queue.enqueue(requestFor(["a", "b"], index))));
    const tickets = await runUntil(clock, accepting);
    expect((await runUntil(clock, Promise.all(tickets.map(({ done }) => done)))).every(({ ok }) => ok)).toBe(
      true,
    );
  });

  it("waits with accepting while it is full", async () => {
    const caches = new FakeCaches();
    let open = (): void => {};
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const { queue, clock } = setUpQueue(caches, { capacity: 2 });
    await queue.enqueue(requestFor(["a"], 1));
    await queue.enqueue(requestFor(["a"], 2));
    let isAccepted = false;
    const third = queue.enqueue(requestFor(["a"], 3)).then((ticket) => {
      isAccepted = true;
      return ticket;
    });
    clock.advance(50);
    await flush();
    expect([isAccepted, queue.size]).toEqual([false, 2]);
    open();
    expect(
      await runUntil(
        clock,
        third.then(({ done }) => done),
      ),
    ).toMatchObject({ ok: true });
  });

  it("accepts nothing that the journal did not keep", async () => {
    const memory = createMemoryJournal();
    const journal = overrideJournal(memory, {
      accept: () => Promise.reject(new Error("disk full")),
    });
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { journal });
    await expect(queue.enqueue(requestFor(["a"], 1))).rejects.toMatchObject({ code: "ERR_JOURNAL_FAILED" });
    expect(queue.size).toBe(0);
    await flush();
    expect(caches.pushes).toEqual([]);
  });

  it("no ref that cannot be read is taken for none", async () => {
    const caches = new FakeCaches();
    const { executor, runtime, clock } = setUpQueue(caches);
    const registry = makeRegistry('allow_all = false, allowed_repos = ["o/r"], allow_forks = false', {
      executor,
      runtime,
    });
    const queue = new PushQueue(registry, { runtime });
    const head = { repository: "evil/fork", branch: "refs/heads/x" };
    for (const ref of [
      { type: "pull-request", number: 1, head },
      { type: "branch", name: "refs/heads/main" },
      "main",
    ]) {
      const ticket = await queue.enqueue({ ...requestFor(["a"], 1), ref: ref as never });
      expect((await runUntil(clock, ticket.done)).results).toMatchObject([
        { status: "denied", decision: { reason: "invalid-request" } },
      ]);
    }
    expect(caches.pushes).toEqual([]);
  });

  it("a request without paths settles at once", async () => {
    const { queue } = setUpQueue(new FakeCaches());
    const { results } = await (await queue.enqueue(requestFor(["a"]))).done;
    expect(results).toMatchObject([{ status: "failed", error: { code: "ERR_STORE_PATH_INVALID" } }]);
    expect(queue.size).toBe(0);
  });

  it("a request is read once, and never pushed outside the queue", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches);
    let reads = 0;
    const shifty = Object.defineProperty(requestFor(["a"], 1), "repository", {
      enumerable: true,
      get: () => (reads++ === 0 ? "bad" : "o/r"),
    });
    const ticket = await queue.enqueue(shifty);
    expect((await runUntil(clock, ticket.done)).results).toMatchObject([{ status: "denied" }]);
    expect([reads, caches.pushes.length]).toEqual([1, 0]);
    const odd = { ...requestFor(["a"], 1), ref: { type: "branch", name: () => "x" } as never };
    expect((await (await queue.enqueue(odd)).done).results).toMatchObject([{ status: "denied" }]);
  });
});
