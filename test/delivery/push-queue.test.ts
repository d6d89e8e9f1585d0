import {
  createMemoryJournal,
  type GcRoots,
  type PushJournal,
  PushQueue,
  type SettledDelivery,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import {
  FakeCaches,
  flush,
  makeRegistry,
  overrideJournal,
  requestFor,
  runUntil,
  setUpQueue,
  storePath,
} from "../support/fake-cache.ts";

const statusesOf = (report: {
  readonly results: readonly { readonly cacheId: string; readonly status: string }[];
}) => report.results.map(({ cacheId, status }) => [cacheId, status]);

describe("a queue", () => {
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

  it("gathers waiting requests to a cache into one command, each path once", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches);
    const tickets = await Promise.all(
      [1, 2, 3, 2].map((index) => queue.enqueue(requestFor(["a"], index, 9))),
    );
    const reports = await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
    expect(reports.every(({ ok }) => ok)).toBe(true);
    expect(reports[1]?.results[0]).toMatchObject({ storePaths: [storePath(2), storePath(9)] });
    expect(caches.pushes).toEqual([["a", [1, 9, 2, 3].map(storePath)]]);
  });

  it("bounds batches, and starts deliveries in their order", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { maxBatchPaths: 3, concurrency: 1 });
    for (let index = 0; index < 8; index++) await queue.enqueue(requestFor(["a"], index));
    await runUntil(clock, queue.drain());
    expect(caches.pushes.map(([, paths]) => paths)).toEqual(
      [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7],
      ].map((batch) => batch.map(storePath)),
    );
  });

  it("waits a little for others, and no longer than it was told", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { lingerMs: 100 });
    await queue.enqueue(requestFor(["a"], 1));
    clock.advance(99);
    await flush();
    expect(caches.pushes).toEqual([]);
    clock.advance(1);
    await flush();
    expect(caches.pushes).toHaveLength(1);
  });

  it("lets no cache delay another", async () => {
    const caches = new FakeCaches((name) =>
      name === "b" ? { exitCode: 1, stderr: "HTTP error 500" } : undefined,
    );
    caches.gates.set("c", new Promise(() => {}));
    const { queue, clock } = setUpQueue(caches);
    for (let index = 0; index < 20; index++) await queue.enqueue(requestFor(["a", "b", "c"], index));
    clock.advance(50);
    await flush();
    expect(caches.of("a").size).toBe(20);
  });

  it("finds the one path that spoils a batch, and pushes the others", async () => {
    const poison = storePath(137);
    const caches = new FakeCaches((_name, paths) =>
      paths.includes(poison) ? { exitCode: 1, stderr: "HTTP error 413" } : undefined,
    );
    const { queue, clock } = setUpQueue(caches);
    const tickets = await Promise.all(
      Array.from({ length: 300 }, (_request, index) => queue.enqueue(requestFor(["a"], index))),
    );
    const reports = await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
    expect(reports.flatMap(({ ok }, index) => (ok ? [] : [index]))).toEqual([137]);
    expect(reports[137]?.results[0]).toMatchObject({
      status: "failed",
      storePaths: [],
      error: { code: "ERR_PUSH_FAILED" },
    });
    expect(caches.of("a").size).toBe(299);
    expect(caches.pushes.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(300)) + 1);
    expect(await queue.deadLetters()).toMatchObject([
      { code: "ERR_PUSH_FAILED", delivery: { request: { storePaths: [poison] } } },
    ]);
  });

  it.each(["HTTP error 403", "HTTP error 503"])(
    "finds it also behind %s, which looks like a server that refuses all",
    async (stderr) => {
      const caches = new FakeCaches((_name, paths) =>
        paths.includes(storePath(5)) ? { exitCode: 1, stderr } : undefined,
      );
      const { queue, clock } = setUpQueue(caches);
      const tickets = await Promise.all(
        Array.from({ length: 40 }, (_request, index) => queue.enqueue(requestFor(["a"], index))),
      );
      const reports = await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
      expect(reports.flatMap(({ ok }, index) => (ok ? [] : [index]))).toEqual([5]);
    },
  );

  it.each(["HTTP error 403", "HTTP error 503"])(
    "gives a batch up soon where a server refuses all with %s",
    async (stderr) => {
      const caches = new FakeCaches(() => ({ exitCode: 1, stderr }));
      const { queue, clock } = setUpQueue(caches);
      const tickets = await Promise.all(
        Array.from({ length: 400 }, (_request, index) => queue.enqueue(requestFor(["a"], index))),
      );
      await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
      // Four attempts and two for each half, twice each where credentials are fetched anew.
      expect(caches.pushes.length).toBeLessThanOrEqual(16);
    },
  );

  it("fails one path of a request, and says which of its paths are there", async () => {
    const caches = new FakeCaches((_name, paths) =>
      paths.includes(storePath(2)) ? { exitCode: 1, stderr: "HTTP error 413" } : undefined,
    );
    const { queue, clock } = setUpQueue(caches);
    const ticket = await queue.enqueue(requestFor(["a"], 1, 2, 3));
    const report = await runUntil(clock, ticket.done);
    expect(report.results[0]).toMatchObject({ status: "failed", storePaths: [storePath(1), storePath(3)] });
  });

  it("counts what a failed command has brought there", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 500" }));
    caches.partial = (paths) => paths.slice(0, 2);
    const { queue, clock } = setUpQueue(caches);
    const ticket = await queue.enqueue(
      requestFor(["a"], ...Array.from({ length: 20 }, (_path, index) => index)),
    );
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    expect(caches.pushes).toHaveLength(10);
  });

  it("tries again after a while, at most four times in a row, then gives up and can be told to try again", async () => {
    const settled: SettledDelivery[] = [];
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 503" }));
    const { queue, clock } = setUpQueue(caches, { onSettled: (delivery) => settled.push(delivery) });
    const start = clock.monotonic();
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: false });
    expect(caches.pushes).toHaveLength(4);
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(500 + 1000 + 2000);
    caches.behaviour = () => undefined;
    expect(await queue.replay()).toBe(1);
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(1);
    expect(settled.map(({ ticketId, result }) => [ticketId, result.status])).toEqual([
      [ticket.id, "failed"],
      [ticket.id, "pushed"],
    ]);
    expect(await queue.deadLetters()).toEqual([]);
    expect(await queue.replay()).toBe(0);
  });

  it("rests while a cache is down, and looks again by a single command", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "Connection refused" }));
    const { queue, clock } = setUpQueue(caches, {
      maxAttempts: 100,
      maxBatchPaths: 1,
      concurrency: 4,
      backoff: { baseMs: 1, capMs: 1 },
    });
    for (let index = 0; index < 8; index++) await queue.enqueue(requestFor(["a"], index));
    clock.advance(50);
    await flush();
    const tried = caches.pushes.length;
    expect(tried).toBeGreaterThanOrEqual(5);
    clock.advance(29_000);
    await flush();
    expect(caches.pushes).toHaveLength(tried);
    caches.behaviour = () => undefined;
    clock.advance(1_000);
    await flush();
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(8);
  });

  it("gives up at the deadline, whatever attempts are left", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 503; Retry-After: 200" }));
    const { queue, clock } = setUpQueue(caches, { deadlineMs: 300_000 });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    await runUntil(clock, ticket.done);
    expect(caches.pushes).toHaveLength(2);
  });

  it("gives up at the deadline what was never tried, since the cache was down", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "Connection refused" }));
    const { queue, clock } = setUpQueue(caches, {
      deadlineMs: 600_000,
      maxBatchPaths: 1,
      concurrency: 1,
      maxAttempts: 1_000,
    });
    const tickets = await Promise.all(
      Array.from({ length: 30 }, (_request, index) => queue.enqueue(requestFor(["a"], index))),
    );
    const reports = await runUntil(clock, Promise.all(tickets.map(({ done }) => done)), 1_000);
    expect(clock.monotonic()).toBeLessThan(700_000);
    expect(reports.map(({ results }) => results[0]?.status)).toEqual(reports.map(() => "failed"));
    expect(caches.pushes.length).toBeLessThan(15);
    expect(await queue.deadLetters()).toHaveLength(30);
  });

  it("joins a ticket with the events of all its attempts", async () => {
    let fails = 2;
    const caches = new FakeCaches(() =>
      fails-- > 0 ? { exitCode: 1, stderr: "HTTP error 503" } : undefined,
    );
    const { queue, clock, registry } = setUpQueue(caches);
    const pushIds = new Set<string>();
    registry.subscribe(({ pushId }) => pushIds.add(pushId));
    const ticket = await queue.enqueue(requestFor(["a", "nope"], 1));
    await runUntil(clock, ticket.done);
    expect([...pushIds]).toEqual([ticket.id]);
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

  it("decides again at each attempt, by the registry of the moment", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 503" }));
    const { executor, runtime, clock } = setUpQueue(caches);
    let registry = makeRegistry("allow_all = true", { executor, runtime });
    await using queue = new PushQueue(() => registry, { runtime });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    clock.advance(50);
    await flush();
    expect(caches.pushes).toHaveLength(1);
    registry = makeRegistry('allow_all = false, allowed_repos = ["x/y"]', { executor, runtime });
    const report = await runUntil(clock, ticket.done);
    expect(report.results[0]).toMatchObject({
      status: "denied",
      decision: { reason: "repository-not-allowed" },
    });
    expect(caches.pushes).toHaveLength(1);
  });

  it("loads credentials at each attempt, and keeps none", async () => {
    const env: Record<string, string> = { TOKEN: "first-canary-token" };
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 503" }));
    const kept: string[] = [];
    const journal: PushJournal = new Proxy(createMemoryJournal(), {
      get: (target, name: keyof PushJournal) => {
        const member = target[name];
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          kept.push(JSON.stringify(args));
          return (member as (...values: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const { queue, clock, commands } = setUpQueue(caches, { env, journal });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    clock.advance(50);
    await flush();
    env["TOKEN"] = "second-canary-token";
    clock.advance(65_000);
    await runUntil(clock, ticket.done);
    const tokens = commands
      .filter(({ file }) => file === "cachix")
      .map(({ env: variables }) => {
        const token = variables.get("CACHIX_AUTH_TOKEN");
        return typeof token === "object" && "expose" in token ? token.expose() : undefined;
      });
    expect(new Set(tokens)).toEqual(new Set(["first-canary-token", "second-canary-token"]));
    expect(kept.length).toBeGreaterThan(2);
    expect(kept.join()).not.toContain("canary");
  });

  it("closes with what waits left in the journal, from which the next one goes on", async () => {
    const journal = createMemoryJournal();
    const caches = new FakeCaches();
    caches.gates.set("b", new Promise(() => {}));
    const first = setUpQueue(caches, { journal });
    const waiting = await first.queue.enqueue(requestFor(["a"], 1));
    await first.queue.close();
    expect(statusesOf(await waiting.done)).toEqual([["a", "aborted"]]);
    await expect(first.queue.enqueue(requestFor(["a"], 2))).rejects.toMatchObject({
      code: "ERR_QUEUE_CLOSED",
    });
    const settled: SettledDelivery[] = [];
    const second = setUpQueue(caches, {
      journal,
      clock: first.clock,
      onSettled: (delivery) => settled.push(delivery),
    });
    await runUntil(second.clock, second.queue.drain());
    expect(settled).toMatchObject([
      { ticketId: waiting.id, result: { status: "pushed", storePaths: [storePath(1)] } },
    ]);
    expect(caches.of("a").size).toBe(1);
  });

  it("takes up what a killed queue has left, when its lease is over and not before", async () => {
    const journal = createMemoryJournal();
    const caches = new FakeCaches();
    // The clock of a process that is killed stands still, so it renews nothing.
    const killed = setUpQueue(caches, { journal });
    await killed.queue.enqueue(requestFor(["a"], 1));
    const next = setUpQueue(caches, { journal });
    next.clock.advance(59_000);
    await flush();
    expect(caches.pushes).toEqual([]);
    next.clock.advance(21_000);
    await flush();
    next.clock.advance(100);
    await flush();
    expect(caches.of("a").size).toBe(1);
  });

  it("draining waits for what a killed queue still holds, and not for what a living one does", async () => {
    const journal = createMemoryJournal();
    const caches = new FakeCaches();
    const killed = setUpQueue(caches, { journal });
    await killed.queue.enqueue(requestFor(["a"], 1));
    const next = setUpQueue(caches, { journal });
    const living = setUpQueue(caches, { journal, clock: next.clock });
    caches.gates.set("b", new Promise(() => {}));
    await living.queue.enqueue(requestFor(["b"], 2));
    await runUntil(next.clock, next.queue.drain());
    expect(caches.of("a").size).toBe(1);
    expect(living.queue.size).toBe(1);
  });

  it("draining ends where the queue is closed while another holds deliveries", async () => {
    const journal = createMemoryJournal();
    await journal.accept(
      [{ id: "1", ticketId: "t", cacheId: "a", request: requestFor(["a"], 1), acceptedAt: 0 }],
      { owner: "far ahead", now: 0, expiresAt: Number.MAX_SAFE_INTEGER },
    );
    const { queue } = setUpQueue(new FakeCaches(), { journal });
    const drained = queue.drain();
    await flush();
    await queue.close();
    await drained;
  });

  it("draining waits until the journal answers what is there from before", async () => {
    const memory = createMemoryJournal();
    await memory.accept(
      [{ id: "1", ticketId: "t", cacheId: "a", request: requestFor(["a"], 1), acceptedAt: 0 }],
      { owner: "dead", now: 0, expiresAt: 1 },
    );
    let asked = 0;
    const journal = overrideJournal(memory, {
      lease: (lease, limit) => (++asked < 3 ? Promise.reject(new Error("busy")) : memory.lease(lease, limit)),
    });
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { journal });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(1);
  });

  it("draining after a replay waits for a journal that failed to answer", async () => {
    const memory = createMemoryJournal();
    let isBroken = false;
    const journal = overrideJournal(memory, {
      lease: (lease, limit) => (isBroken ? Promise.reject(new Error("busy")) : memory.lease(lease, limit)),
    });
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 400" }));
    const { queue, clock } = setUpQueue(caches, { journal });
    await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
    caches.behaviour = () => undefined;
    isBroken = true;
    expect(await queue.replay()).toBe(1);
    isBroken = false;
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(1);
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

  it("survives listeners that throw", async () => {
    const caches = new FakeCaches();
    const { queue, clock, warnings } = setUpQueue(caches, {
      onSettled: () => {
        throw new Error("listener");
      },
    });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    expect(warnings).toEqual(["The onSettled callback failed"]);
  });
});

describe("what a reviewer broke", () => {
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

  it("rows of a journal that nobody can read are put aside, and bypass no policy", async () => {
    const journal = createMemoryJournal();
    const lease = { owner: "dead", now: 0, expiresAt: 1 };
    const rows = [
      { ...requestFor(["a"], 1), repository: "" },
      { ...requestFor(["a"], 2), ref: { type: "branch", name: "refs/heads/main" } as const },
      requestFor(["a"]),
      requestFor(["a"], 3),
      { ...requestFor(["a"], 4), repository: "x/y" },
    ];
    const deliveries = rows.map((request, index) => ({
      id: String(index),
      ticketId: "t",
      cacheId: "a",
      request,
      acceptedAt: 0,
    }));
    await journal.accept(deliveries, lease);
    const caches = new FakeCaches();
    const { executor, runtime, clock } = setUpQueue(caches);
    const settled: string[] = [];
    const queue = new PushQueue(
      makeRegistry('allow_all = false, allowed_repos = ["o/r"]', { executor, runtime }),
      {
        runtime,
        journal,
        onSettled: ({ result }) => settled.push(result.status),
      },
    );
    await runUntil(clock, queue.drain());
    expect([...caches.of("a")]).toEqual([storePath(3)]);
    expect(settled.sort()).toEqual(["denied", "pushed"]);
    expect((await queue.deadLetters()).map(({ code }) => code)).toEqual([
      "ERR_JOURNAL_FAILED",
      "ERR_JOURNAL_FAILED",
      "ERR_JOURNAL_FAILED",
    ]);
  });

  it("draining takes up all that a journal holds, however little room there is", async () => {
    const journal = createMemoryJournal();
    const deliveries = [1, 2, 3, 4, 5].map((index) => ({
      id: String(index),
      ticketId: "t",
      cacheId: "a",
      request: requestFor(["a"], index),
      acceptedAt: 0,
    }));
    await journal.accept(deliveries, { owner: "dead", now: 0, expiresAt: 1 });
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { journal, capacity: 2 });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(5);
  });

  it("what the journal does not take is not delivered again, and offered to it later", async () => {
    const memory = createMemoryJournal();
    let isBroken = true;
    const journal = overrideJournal(memory, {
      settle: (ids) => (isBroken ? Promise.reject(new Error("disk full")) : memory.settle(ids)),
    });
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { journal });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    for (let beat = 0; beat < 30; beat++) {
      clock.advance(20_000);
      await flush();
    }
    expect(caches.pushes).toHaveLength(1);
    isBroken = false;
    clock.advance(20_000);
    await flush();
    expect(await memory.lease({ owner: "x", now: Number.MAX_SAFE_INTEGER, expiresAt: 0 }, 9)).toEqual([]);
  });

  it("a registry that is gone ends in a report at the deadline", async () => {
    const caches = new FakeCaches();
    const { queue, clock, registry } = setUpQueue(caches, { deadlineMs: 10_000 });
    await registry[Symbol.asyncDispose]();
    const accepted = await queue.enqueue(requestFor(["a"], 1));
    expect((await runUntil(clock, accepted.done)).results).toMatchObject([
      { status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } },
    ]);
  });

  it("an asynchronous listener that fails is survived", async () => {
    const { queue, clock, warnings } = setUpQueue(new FakeCaches(), {
      onSettled: async () => Promise.reject(new Error("listener")),
    });
    await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
    await flush();
    expect(warnings).toEqual(["The onSettled callback failed"]);
  });

  it("what is denied after some of it was pushed says what is there", async () => {
    const caches = new FakeCaches((_name, paths) =>
      paths.includes(storePath(2)) ? { exitCode: 1, stderr: "HTTP error 503" } : undefined,
    );
    caches.partial = (paths) => paths.filter((path) => path === storePath(1));
    const { executor, runtime, clock } = setUpQueue(caches);
    let registry = makeRegistry("allow_all = true", { executor, runtime });
    const queue = new PushQueue(() => registry, { runtime });
    const ticket = await queue.enqueue(requestFor(["a"], 1, 2));
    clock.advance(50);
    await flush();
    registry = makeRegistry('allow_all = false, allowed_repos = ["x/y"]', { executor, runtime });
    const { results } = await runUntil(clock, ticket.done);
    expect(results).toMatchObject([
      { status: "failed", storePaths: [storePath(1)], error: { code: "ERR_PERMISSION_DENIED" } },
    ]);
    expect(await queue.deadLetters()).toMatchObject([
      { delivery: { request: { storePaths: [storePath(2)] } } },
    ]);
  });

  it("a journal that fails while it holds more starves nobody, and is asked again", async () => {
    const memory = createMemoryJournal();
    const deliveries = [1, 2, 3].map((index) => ({
      id: String(index),
      ticketId: "t",
      cacheId: "a",
      request: requestFor(["a"], index),
      acceptedAt: 0,
    }));
    await memory.accept(deliveries, { owner: "dead", now: 0, expiresAt: 1 });
    let leases = 0;
    const journal = overrideJournal(memory, {
      lease: (lease, limit) =>
        ++leases > 1 && leases < 6 ? Promise.reject(new Error("busy")) : memory.lease(lease, limit),
    });
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches, { journal, capacity: 1 });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(3);
    expect(leases).toBeLessThan(30);
  });

  it("no more is taken from a journal than there is room for", async () => {
    const journal = createMemoryJournal();
    const deliveries = Array.from({ length: 500 }, (_delivery, index) => ({
      id: String(index),
      ticketId: "t",
      cacheId: "a",
      request: requestFor(["a"], index),
      acceptedAt: 0,
    }));
    await journal.accept(deliveries, { owner: "dead", now: 0, expiresAt: 1 });
    const caches = new FakeCaches();
    let most = 0;
    const { queue, clock } = setUpQueue(caches, {
      journal,
      capacity: 20,
      onSettled: () => {
        most = Math.max(most, queue.size);
      },
    });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(500);
    expect(most).toBeLessThanOrEqual(20);
  });

  it("a half that is denied beside one that is pushed is reported as what happened", async () => {
    const caches = new FakeCaches((_name, paths) =>
      paths.length > 1 ? { exitCode: 1, stderr: "odd" } : undefined,
    );
    const { executor, runtime, clock } = setUpQueue(caches);
    const open = makeRegistry("allow_all = true", { executor, runtime });
    const shut = makeRegistry('allow_all = false, allowed_repos = ["x/y"]', { executor, runtime });
    let lookups = 0;
    const queue = new PushQueue(() => (++lookups === 4 ? shut : open), { runtime });
    const ticket = await queue.enqueue(requestFor(["a"], 1, 2));
    const { results } = await runUntil(clock, ticket.done);
    expect(results[0]?.status).not.toBe("denied");
    expect(results[0]).toMatchObject({ storePaths: [...caches.of("a")] });
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

  it("fresh work is not starved by what is tried again", async () => {
    const caches = new FakeCaches((_name, paths) =>
      paths.some((path) => Number(path.slice(path.lastIndexOf("p") + 1)) < 100)
        ? { exitCode: 1, stderr: "HTTP error 413" }
        : undefined,
    );
    const { queue, clock } = setUpQueue(caches, { concurrency: 1 });
    const bad = await queue.enqueue(
      requestFor(["a"], ...Array.from({ length: 100 }, (_path, index) => index)),
    );
    clock.advance(50);
    await flush();
    const good = await queue.enqueue({ ...requestFor(["a"], 500), repository: "o/other" });
    await runUntil(clock, good.done, 20);
    expect(caches.pushes.length).toBeLessThan(60);
    await runUntil(clock, bad.done);
  });
});

describe("garbage collector roots", () => {
  const recordRoots = (fail = false) => {
    const calls: string[] = [];
    const gcRoots: GcRoots = {
      hold: async (holder, paths) => {
        calls.push(`hold ${holder} ${paths.length}`);
        if (fail) throw new Error("gone");
      },
      release: async (holder) => void calls.push(`release ${holder}`),
    };
    return { calls, gcRoots };
  };

  it("are held from acceptance until every cache is settled", async () => {
    const caches = new FakeCaches();
    let open = (): void => {};
    caches.gates.set("b", new Promise((resolve) => (open = resolve)));
    const { calls, gcRoots } = recordRoots();
    const { queue, clock } = setUpQueue(caches, { gcRoots });
    const ticket = await queue.enqueue(requestFor(["a", "b"], 1, 2));
    clock.advance(50);
    await flush();
    expect(caches.of("a").size).toBe(2);
    const held = calls.filter((call) => call.startsWith("hold"));
    expect(held).toHaveLength(2);
    expect(calls).toHaveLength(3);
    open();
    await runUntil(clock, ticket.done);
    await flush();
    const released = calls.flatMap((call) => (call.startsWith("release") ? [call.split(" ")[1]] : []));
    expect(released.sort()).toEqual(held.map((call) => call.split(" ")[1]).sort());
  });

  it("that are made while others fail are let go of", async () => {
    const kept = new Set<string>();
    let calls = 0;
    const gcRoots: GcRoots = {
      hold: async (holder) => {
        if (++calls === 1) throw new Error("gone");
        await flush();
        kept.add(holder);
      },
      release: async (holder) => void kept.delete(holder),
    };
    const { queue } = setUpQueue(new FakeCaches(), { gcRoots });
    await expect(queue.enqueue(requestFor(["a", "b"], 1))).rejects.toThrow();
    expect(kept.size).toBe(0);
  });

  it("that cannot be held mean that the request is not accepted", async () => {
    const { calls, gcRoots } = recordRoots(true);
    const { queue } = setUpQueue(new FakeCaches(), { gcRoots });
    await expect(queue.enqueue(requestFor(["a"], 1))).rejects.toThrow();
    expect([queue.size, calls.length]).toEqual([0, 2]);
  });
});
