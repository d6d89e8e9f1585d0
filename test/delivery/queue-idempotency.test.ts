import { CommandError, createMemoryJournal, PushError, type QueueEvent } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import {
  FakeCaches,
  flush,
  overrideJournal,
  requestFor,
  runUntil,
  setUpQueue,
  storePath,
} from "../support/fake-cache.ts";

const named = (pushId: string, caches: readonly string[], ...indexes: readonly number[]) => ({
  ...requestFor(caches, ...indexes),
  pushId,
});
const conflict = { name: "PushError", code: "ERR_PUSH_ID_CONFLICT" };

describe("the same pushId", () => {
  it("is one request: the second call gets the ticket of the first, at once and later", async () => {
    const caches = new FakeCaches();
    const { queue, clock } = setUpQueue(caches);
    const asked = named("hook-1", ["a", "b"], 1);
    const [first, second] = await Promise.all([queue.enqueue(asked), queue.enqueue({ ...asked })]);
    const third = await queue.enqueue(asked);
    expect(first).toBe(second);
    expect(third).toBe(first);
    expect(first.id).toBe("hook-1");
    const report = await runUntil(clock, first.done);
    expect(report).toMatchObject({ pushId: "hook-1", ok: true });
    // The ticket is closed; the journal remembers what became of it.
    const late = await queue.enqueue(asked);
    expect(await runUntil(clock, late.done)).toMatchObject({ pushId: "hook-1", ok: true });
    expect(caches.pushes.map(([cache]) => cache).sort()).toEqual(["a", "b"]);
    expect(queue.size).toBe(0);
    await queue.close();
  });

  it("with another request is refused, before, while and after it is delivered, and harms nothing", async () => {
    const { queue, clock } = setUpQueue(new FakeCaches());
    const ticket = await queue.enqueue(named("x", ["a"], 1));
    for (const other of [named("x", ["a"], 2), named("x", ["a", "b"], 1), named("x", ["b"], 1)])
      await expect(queue.enqueue(other)).rejects.toMatchObject(conflict);
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    for (const other of [named("x", ["a"], 2), named("x", ["a", "b"], 1), named("x", ["b"], 1)])
      await expect(queue.enqueue(other)).rejects.toMatchObject(conflict);
    expect(queue.size).toBe(0);
    expect(queue.health().status).toBe("ok");
    await queue.close();
  });

  it("differs in no trace and no listener's object", async () => {
    const { queue } = setUpQueue(new FakeCaches());
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const first = await queue.enqueue({ ...named("x", ["a"], 1), traceparent });
    expect(await queue.enqueue(named("x", ["a"], 1))).toBe(first);
    await queue.close();
  });

  it("that cannot be kept is denied rather than forgotten", async () => {
    const { queue } = setUpQueue(new FakeCaches());
    const ticket = await queue.enqueue(named("not a push id", ["a"], 1));
    expect((await ticket.done).results).toMatchObject([
      { status: "denied", decision: { reason: "invalid-request" } },
    ]);
    await queue.close();
  });

  it("keeps the roots of the first request when the second is refused, or the journal fails", async () => {
    const journal = createMemoryJournal();
    let fails = false;
    const failing = overrideJournal(journal, {
      accept: async (deliveries) => {
        if (fails) throw new Error("the disk is full");
        return journal.accept(deliveries);
      },
      // The queue does not end the journal, as that of an earlier process.
      close: async () => undefined,
    });
    const held = new Map<string, readonly string[]>();
    const gcRoots = {
      hold: async (holder: string, paths: readonly string[]) => void held.set(holder, paths),
      release: async (holder: string) => void held.delete(holder),
    };
    const earlier = setUpQueue(new FakeCaches(), { journal: failing, role: "producer", gcRoots });
    await earlier.queue.enqueue(named("x", ["a"], 1));
    const { queue } = setUpQueue(new FakeCaches(), { journal: failing, role: "producer", gcRoots });
    held.set("x+a", [storePath(1)]);
    await expect(queue.enqueue(named("x", ["a"], 2))).rejects.toMatchObject(conflict);
    fails = true;
    await expect(queue.enqueue(named("x", ["a"], 1))).rejects.toMatchObject({ code: "ERR_JOURNAL_FAILED" });
    expect([...held]).toEqual([["x+a", [storePath(1)]]]);
    expect(queue.size).toBe(0);
  });
});

describe("roots and room", () => {
  const rooted = () => {
    const held = new Map<string, readonly string[]>();
    let isGone = false;
    const gcRoots = {
      hold: async (holder: string, paths: readonly string[]) => {
        if (isGone) throw new PushError("ERR_STORE_PATH_NOT_VALID", "collected");
        held.set(holder, paths);
      },
      release: async (holder: string) => void held.delete(holder),
    };
    const collect = (): void => {
      isGone = true;
    };
    return { held, gcRoots, collect };
  };

  it("a settled request is repeated though its paths were collected since", async () => {
    const { gcRoots, held, collect } = rooted();
    const { queue, clock } = setUpQueue(new FakeCaches(), { gcRoots });
    await runUntil(clock, (await queue.enqueue(named("x", ["a"], 1))).done);
    collect();
    expect(await runUntil(clock, (await queue.enqueue(named("x", ["a"], 1))).done)).toMatchObject({
      ok: true,
    });
    expect(held.size).toBe(0);
    await queue.close();
  });

  it("the roots of a request stay when another queue was refused under the same id at the same time", async () => {
    const { gcRoots, held } = rooted();
    const memory = createMemoryJournal();
    let looks = 0;
    const journal = overrideJournal(memory, {
      // Both look before either is accepted.
      find: async (ids) => (looks++ < 2 ? [] : memory.find(ids)),
      close: async () => undefined,
    });
    const [one, other] = [1, 2].map(() =>
      setUpQueue(new FakeCaches(), { journal, role: "producer", gcRoots }),
    );
    await one?.queue.enqueue(named("x", ["a"], 1));
    await expect(other?.queue.enqueue(named("x", ["a"], 2))).rejects.toMatchObject(conflict);
    expect(held.has("x+a")).toBe(true);
    expect(other?.queue.size).toBe(0);
  });

  it("a delivery that is cancelled after a restart leaves no roots", async () => {
    const { gcRoots, held } = rooted();
    const journal = overrideJournal(createMemoryJournal(), { close: async () => undefined });
    const earlier = setUpQueue(new FakeCaches(), { journal, role: "producer", gcRoots });
    await earlier.queue.enqueue(named("x", ["a"], 1));
    expect(held.size).toBe(1);
    const { queue } = setUpQueue(new FakeCaches(), { journal, role: "producer", gcRoots });
    expect(await queue.cancel(["x/a"])).toEqual(["x/a"]);
    expect(held.size).toBe(0);
  });

  it("a ticket whose delivery the journal has forgotten resolves, and says so", async () => {
    const memory = createMemoryJournal();
    const journal = overrideJournal(memory, { outcomesOf: async () => [], find: async () => [] });
    const { queue, clock } = setUpQueue(new FakeCaches(), { journal, role: "producer" });
    const ticket = await queue.enqueue(named("x", ["a"], 1));
    const report = await runUntil(clock, ticket.done);
    expect(report.results).toMatchObject([{ status: "failed", error: { code: "ERR_JOURNAL_FAILED" } }]);
    expect(queue.size).toBe(0);
    await queue.close();
  });

  it("who waits for room when the queue closes is told so at once", async () => {
    const { queue } = setUpQueue(new FakeCaches(), { capacity: 1, role: "producer" });
    await queue.enqueue(named("x", ["a"], 1));
    const waiting = [2, 3].map((index) => queue.enqueue(named(`y${index}`, ["a"], index)));
    const outcomes = Promise.allSettled(waiting);
    await flush();
    await queue.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ reason: { code: "ERR_QUEUE_CLOSED" } });
    expect(queue.size).toBe(0);
  });
});

describe("finishing", () => {
  it("lets what runs end, and leaves the rest in the journal", async () => {
    const journal = createMemoryJournal();
    const caches = new FakeCaches();
    let open = (): void => undefined;
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const { queue, clock } = setUpQueue(caches, { journal, concurrency: 1, maxBatchPaths: 1 });
    const first = await queue.enqueue(named("x", ["a"], 1));
    await queue.enqueue(named("y", ["a"], 2));
    clock.advance(20);
    await flush();
    expect(caches.pushes).toHaveLength(1);
    const finishing = queue.finish();
    open();
    await runUntil(clock, finishing);
    expect(await first.done).toMatchObject({ ok: true });
    expect(caches.pushes).toHaveLength(1);
    expect((await queue.list({ states: ["waiting"] })).map(({ id }) => id)).toEqual(["y/a"]);
    await queue.close();
    await expect(queue.finish()).rejects.toMatchObject({ code: "ERR_QUEUE_CLOSED" });
  });

  it("waits no longer than it is told", async () => {
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => undefined));
    const { queue, clock } = setUpQueue(caches);
    await queue.enqueue(named("x", ["a"], 1));
    clock.advance(20);
    await flush();
    const finishing = expect(queue.finish({ timeoutMs: 1_000 })).rejects.toMatchObject({
      code: "ERR_PUSH_TIMEOUT",
    });
    await runUntil(clock, finishing);
  });
});

describe("roles", () => {
  it("a producer delivers nothing, and its ticket resolves with what a consumer reports", async () => {
    const journal = createMemoryJournal();
    const shared = overrideJournal(journal, { close: async () => undefined });
    const shown: string[] = [];
    const producer = setUpQueue(new FakeCaches(), {
      journal: shared,
      role: "producer",
      env: {},
      onSettled: ({ deliveryId, result }) => void shown.push(`${deliveryId} ${result.status}`),
    });
    const ticket = await producer.queue.enqueue(named("x", ["a"], 1));
    await runUntil(producer.clock, new Promise<void>((resolve) => producer.clock.schedule(resolve, 60_000)));
    expect(producer.commands).toEqual([]);
    const caches = new FakeCaches();
    const consumer = setUpQueue(caches, { journal: shared, role: "consumer", clock: producer.clock });
    await expect(consumer.queue.enqueue(named("y", ["a"], 1))).rejects.toMatchObject({
      code: "ERR_QUEUE_ROLE",
    });
    expect(await runUntil(producer.clock, ticket.done)).toMatchObject({ ok: true });
    await runUntil(producer.clock, producer.queue.drain());
    expect(shown).toEqual(["x/a pushed"]);
    expect(await journal.outcomes(0, { limit: 9 })).toEqual([]);
    await producer.queue.close();
    await consumer.queue.close();
  });
});

describe("looking", () => {
  it("lists, finds, cancels and drops deliveries", async () => {
    const caches = new FakeCaches((name) =>
      name === "b" ? { exitCode: 1, stderr: "HTTP error 404" } : undefined,
    );
    let open = (): void => undefined;
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const { queue, clock } = setUpQueue(caches, { concurrency: 1 });
    const running = await queue.enqueue(named("running", ["a"], 1));
    clock.advance(20);
    await flush();
    const waiting = await queue.enqueue(named("waiting", ["a"], 2));
    await queue.enqueue(named("failing", ["b"], 3));
    for (let step = 0; step < 8; step++) {
      clock.advance(20);
      await flush();
    }
    const states = async () =>
      (await queue.list()).map(({ id, state, request }) => `${id} ${state} ${request?.storePaths.length}`);
    expect(await states()).toEqual(["running/a held 1", "waiting/a waiting 1", "failing/b dead 1"]);
    expect(await queue.get("failing/b")).toMatchObject({ state: "dead", code: "ERR_PUSH_FAILED" });
    expect(await queue.get("never")).toBeUndefined();
    expect((await queue.list({ states: ["dead"], cacheId: "b" })).map(({ id }) => id)).toEqual(["failing/b"]);
    expect(await queue.cancel(["running/a", "waiting/a"])).toEqual(["waiting/a"]);
    const report = await runUntil(clock, waiting.done);
    expect(report.results).toMatchObject([
      { status: "failed", error: { code: "ERR_DELIVERY_CANCELLED" }, storePaths: [] },
    ]);
    expect(await queue.drop(["failing/b", "waiting/a"])).toBe(1);
    open();
    expect(await runUntil(clock, running.done)).toMatchObject({ ok: true });
    expect(caches.pushes.map(([, paths]) => paths[0])).not.toContain(storePath(2));
    await queue.close();
  });

  it("tells the counts, the breaker and the rates of each cache", async () => {
    const caches = new FakeCaches((name) =>
      name === "b" ? { exitCode: 1, stderr: "HTTP error 503 (curl error 22)" } : undefined,
    );
    const { queue, clock } = setUpQueue(caches, { maxAttempts: 100 });
    expect(queue.health()).toMatchObject({ status: "ok", journal: { isAnswering: true }, closedLanes: [] });
    const good = await queue.enqueue(named("good", ["a"], 1));
    await queue.enqueue(named("bad", ["b"], 2));
    await runUntil(clock, good.done, 20);
    const stats = async (cacheId: string) => (await queue.stats()).find((one) => one.cacheId === cacheId);
    await runUntil(
      clock,
      (async () => {
        while ((await stats("b"))?.breaker.state !== "open")
          await new Promise<void>((resolve) => clock.schedule(resolve, 100));
      })(),
    );
    expect(await stats("b")).toMatchObject({ waiting: 1, breaker: { state: "open" }, buriedPerMinute: 0 });
    expect(queue.health()).toMatchObject({ status: "degraded", closedLanes: ["b"] });
    await queue.close();
  });

  it("says that the journal fails, how long, and that it works again", async () => {
    const journal = createMemoryJournal();
    let fails = true;
    const failing = overrideJournal(journal, {
      accept: async (deliveries) => {
        if (fails) throw new Error("stranger");
        return journal.accept(deliveries);
      },
    });
    const { queue } = setUpQueue(new FakeCaches(), { journal: failing, role: "producer" });
    await expect(queue.enqueue(requestFor(["a"], 1))).rejects.toMatchObject({ code: "ERR_JOURNAL_FAILED" });
    expect(queue.health()).toMatchObject({ status: "failed", journal: { isAnswering: false } });
    fails = false;
    await queue.enqueue(named("x", ["a"], 1));
    expect(queue.health()).toMatchObject({ status: "ok", journal: { failingForMs: 0 } });
    await queue.close();
  });
});

describe("events", () => {
  it("tell each delivery from its acceptance to its end, with its trace", async () => {
    const events: QueueEvent[] = [];
    let failures = 1;
    const caches = new FakeCaches(() =>
      failures-- > 0 ? { exitCode: 1, stderr: "HTTP error 503 (curl error 22)" } : undefined,
    );
    const { queue, clock, registry } = setUpQueue(caches, { onEvent: (event) => events.push(event) });
    const attempts: unknown[] = [];
    registry.subscribe((event) => {
      if (event.type === "push.finished") attempts.push([event.deliveryId, event.attempt, event.status]);
    });
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const ticket = await queue.enqueue({ ...named("x", ["a"], 1), traceparent });
    await runUntil(clock, ticket.done);
    expect(events.map(({ type }) => type)).toEqual([
      ...["delivery.accepted", "delivery.started", "delivery.retried"],
      ...["delivery.started", "delivery.settled"],
    ]);
    const base = { deliveryId: "x/a", ticketId: "x", cacheId: "a", repository: "o/r", traceparent };
    for (const event of events) expect(event).toMatchObject(base);
    expect(events[2]).toMatchObject({ attempt: 1, failureClass: "transient", code: "ERR_PUSH_FAILED" });
    expect(events[4]).toMatchObject({ attempt: 2, status: "pushed" });
    expect(JSON.stringify(events)).not.toContain("/nix/store");
    expect(attempts).toEqual([
      ["x/a", 1, "failed"],
      ["x/a", 2, "pushed"],
    ]);
    await queue.close();
  });

  it("tell a lane that closes and opens, a delivery that is buried, and one that is given back", async () => {
    const events: QueueEvent[] = [];
    let isAway = true;
    const caches = new FakeCaches((name) => {
      if (name === "b") return { exitCode: 1, stderr: "HTTP error 404" };
      return isAway ? { exitCode: 1, stderr: "HTTP error 503 (curl error 22)" } : undefined;
    });
    const { queue, clock, warnings } = setUpQueue(caches, {
      maxAttempts: 100,
      onEvent: (event) => events.push(event),
    });
    const typesOf = (cacheId: string) =>
      events.filter((event) => event.cacheId === cacheId).map(({ type }) => type);
    const ticket = await queue.enqueue(named("x", ["a"], 1));
    await runUntil(clock, (await queue.enqueue(named("y", ["b"], 2))).done);
    expect(typesOf("b")).toEqual(["delivery.accepted", "delivery.started", "delivery.buried"]);
    await runUntil(
      clock,
      (async () => {
        while (!typesOf("a").includes("lane.closed"))
          await new Promise<void>((resolve) => clock.schedule(resolve, 100));
      })(),
    );
    isAway = false;
    await runUntil(clock, ticket.done);
    expect(typesOf("a").slice(-3)).toEqual(["delivery.started", "lane.opened", "delivery.settled"]);
    caches.gates.set("a", new Promise(() => undefined));
    expect(warnings).toEqual([]);
    await queue.close();
  });

  it("of a listener that fails are told to it no more, and deliveries go on", async () => {
    let calls = 0;
    const { queue, clock, warnings } = setUpQueue(new FakeCaches(), {
      onEvent: () => {
        calls++;
        throw new Error("canary");
      },
    });
    expect(await runUntil(clock, (await queue.enqueue(named("x", ["a"], 1))).done)).toMatchObject({
      ok: true,
    });
    expect([calls, warnings.length]).toEqual([1, 1]);
    expect(warnings[0]).not.toContain("canary");
    await queue.close();
  });
});

describe("a host that is short of something", () => {
  it("takes less, does not blame the cache, and recovers", async () => {
    let isShort = true;
    const caches = new FakeCaches(() =>
      isShort ? new CommandError("ERR_HOST_EXHAUSTED", "The host has no process left") : undefined,
    );
    const { queue, clock } = setUpQueue(caches, { maxAttempts: 100 });
    const tickets = await Promise.all(
      ["a", "b", "c"].map((cache, index) => queue.enqueue(named(`x${index}`, [cache], index))),
    );
    await runUntil(
      clock,
      (async () => {
        while (!queue.health().isHostShort)
          await new Promise<void>((resolve) => clock.schedule(resolve, 100));
      })(),
    );
    expect(queue.health()).toMatchObject({ status: "degraded", closedLanes: [] });
    isShort = false;
    await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
    await queue.close();
  });
});
