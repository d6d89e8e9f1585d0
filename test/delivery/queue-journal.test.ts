import { createMemoryJournal, PushQueue, type SettledDelivery } from "@eka-ci/caches";
import { createFakeClock } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import {
  deliveryOf,
  FakeCaches,
  flush,
  makeRegistry,
  overrideJournal,
  requestFor,
  runUntil,
  setUpQueue,
  storedRequest,
  storePath,
} from "../support/fake-cache.ts";

/** A journal and a clock that both go on when a queue is gone. */
const openJournal = () => {
  const clock = createFakeClock();
  return { clock, journal: createMemoryJournal({ clock }) };
};
const deliveries = (count: number) =>
  Array.from({ length: count }, (_delivery, index) => deliveryOf(`t${index + 1}`, storedRequest(index + 1)));

describe("a queue on a journal", () => {
  it("closes with what waits left there, from which the next one goes on", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    const first = setUpQueue(caches, { journal, clock });
    const waiting = await first.queue.enqueue(requestFor(["a"], 1));
    await first.queue.close();
    expect((await waiting.done).results).toMatchObject([{ cacheId: "a", status: "aborted" }]);
    await expect(first.queue.enqueue(requestFor(["a"], 2))).rejects.toMatchObject({
      code: "ERR_QUEUE_CLOSED",
    });
    const settled: SettledDelivery[] = [];
    const second = setUpQueue(caches, {
      journal,
      clock,
      onSettled: (delivery) => void settled.push(delivery),
    });
    await runUntil(clock, second.queue.drain());
    expect(settled).toMatchObject([
      {
        deliveryId: `${waiting.id}/a`,
        ticketId: waiting.id,
        request: { repository: "o/r", job: "j" },
        result: { status: "pushed", storePaths: [storePath(1)] },
      },
    ]);
    expect(caches.of("a").size).toBe(1);
  });

  it("takes up what a killed queue has held, when its lease is over and not before", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    // The clock of a process that is killed stands still, so it renews nothing.
    const killed = setUpQueue(caches, { journal, lingerMs: 0 });
    await killed.queue.enqueue(requestFor(["a"], 1));
    await flush();
    expect(caches.pushes).toHaveLength(1);
    caches.gates.clear();
    setUpQueue(caches, { journal, clock });
    clock.advance(59_000);
    await flush();
    expect(caches.pushes).toHaveLength(1);
    for (let step = 0; step < 25; step++) {
      clock.advance(1_000);
      await flush();
    }
    expect(caches.pushes).toHaveLength(2);
  });

  it("settles nothing and tells nothing of a batch that it has lost", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    let open = (): void => {};
    caches.gates.set("a", new Promise((resolve) => (open = resolve)));
    const told: string[] = [];
    // A host that stands still: its clock does not move, that of the journal does.
    const paused = setUpQueue(caches, { journal, lingerMs: 0, onSettled: () => void told.push("paused") });
    const ticket = await paused.queue.enqueue(requestFor(["a"], 1));
    await flush();
    caches.gates.clear();
    caches.of("a").clear();
    caches.behaviour = () => ({ exitCode: 1, stderr: "HTTP error 413" });
    const next = setUpQueue(caches, { journal, clock, onSettled: () => void told.push("next") });
    await runUntil(clock, next.queue.drain(), 1_000);
    expect(told).toEqual(["next"]);
    expect(await next.queue.deadLetters()).toHaveLength(1);
    // It wakes up, and its command succeeds.
    caches.behaviour = () => undefined;
    open();
    await flush();
    expect(told).toEqual(["next"]);
    expect(await next.queue.deadLetters()).toHaveLength(1);
    paused.clock.advance(60_000);
    await flush();
    expect((await ticket.done).results).toMatchObject([
      { status: "failed", error: { code: "ERR_PUSH_FAILED" } },
    ]);
  });

  it("ends the command of a batch whose lease it could not renew", async () => {
    const { journal: memory, clock } = openJournal();
    const journal = overrideJournal(memory, { renew: () => Promise.reject(new Error("away")) });
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    const { queue, commands, executor } = setUpQueue(caches, { journal, clock, lingerMs: 0 });
    const signals: (AbortSignal | undefined)[] = [];
    const { execute } = executor;
    executor.execute = (command, options) => {
      signals.push(options?.signal);
      return execute(command, options);
    };
    await queue.enqueue(requestFor(["a"], 1));
    await flush();
    expect(commands.some(({ file }) => file === "cachix")).toBe(true);
    expect(signals.every((signal) => signal?.aborted === false)).toBe(true);
    clock.advance(79_000);
    await flush();
    expect(signals.some((signal) => signal?.aborted === true)).toBe(true);
  });

  it("gives up a delivery that has stopped every host that took it, alone, and tells it", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    const hosts: ReturnType<typeof setUpQueue>[] = [];
    const settled: SettledDelivery[] = [];
    // Whoever pushes path 1 stops there.
    caches.gates.set("a", new Promise(() => {}));
    await journal.accept(deliveries(30));
    for (let crash = 0; crash < 5; crash++) {
      const frozen = createFakeClock();
      hosts.push(
        setUpQueue(caches, {
          journal,
          clock: frozen,
          concurrency: 1,
          maxBatchPaths: 28,
          maxCrashes: 5,
          lingerMs: 0,
        }),
      );
      await flush();
      clock.advance(60_001);
    }
    // Fewer at a time: 28, then 2, then one.
    const sizes = caches.pushes.map(([, paths]) => paths.length);
    expect(sizes.slice(0, 5)).toEqual([28, 2, 2, 2, 2]);
    expect(hosts).toHaveLength(5);
    caches.gates.clear();
    const last = setUpQueue(caches, {
      journal,
      clock,
      maxCrashes: 3,
      onSettled: (one) => void settled.push(one),
    });
    await runUntil(clock, last.queue.drain(), 1_000);
    expect(settled).toHaveLength(30);
    expect((await last.queue.deadLetters()).map(({ code }) => code)).toEqual(
      settled.filter(({ result }) => result.status === "failed").map(() => "ERR_DELIVERY_CRASHED"),
    );
  });

  it("draining waits for what a killed queue still holds, and not for what a living one does", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    caches.gates.set("b", new Promise(() => {}));
    const killed = setUpQueue(caches, { journal, lingerMs: 0 });
    await killed.queue.enqueue(requestFor(["a"], 1));
    await flush();
    caches.gates.delete("a");
    const living = setUpQueue(caches, { journal, clock, lingerMs: 0 });
    await living.queue.enqueue(requestFor(["b"], 2));
    await flush();
    const next = setUpQueue(caches, { journal, clock });
    await runUntil(clock, next.queue.drain(), 1_000);
    expect(caches.of("a").size).toBe(1);
    expect(living.queue.size).toBe(1);
  });

  it("draining ends where the queue is closed while another holds deliveries", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    const other = setUpQueue(caches, { journal, clock, lingerMs: 0 });
    await other.queue.enqueue(requestFor(["a"], 1));
    await flush();
    const { queue } = setUpQueue(new FakeCaches(), { journal, clock });
    const drained = queue.drain();
    await flush();
    await queue.close();
    await drained;
  });

  it("draining says so where the queue is closed with work left", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    const { queue } = setUpQueue(caches, { journal, clock });
    await queue.enqueue(requestFor(["a"], 1));
    const drained = queue.drain();
    await flush();
    await queue.close();
    await expect(drained).rejects.toMatchObject({ code: "ERR_QUEUE_CLOSED" });
    await expect(queue.drain()).rejects.toMatchObject({ code: "ERR_QUEUE_CLOSED" });
  });

  it("draining ends when its time is over, or its signal says so", async () => {
    const { journal, clock } = openJournal();
    const caches = new FakeCaches();
    caches.gates.set("a", new Promise(() => {}));
    const { queue } = setUpQueue(caches, { journal, clock });
    await queue.enqueue(requestFor(["a"], 1));
    await expect(runUntil(clock, queue.drain({ timeoutMs: 5_000 }))).rejects.toMatchObject({
      code: "ERR_PUSH_TIMEOUT",
    });
    const controller = new AbortController();
    const drained = queue.drain({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(drained).rejects.toThrow("enough");
  });

  it("draining waits until the journal answers what is there from before", async () => {
    const { journal: memory, clock } = openJournal();
    await memory.accept(deliveries(1));
    let asked = 0;
    const journal = overrideJournal(memory, {
      lease: (request) => (++asked < 3 ? Promise.reject(new Error("busy")) : memory.lease(request)),
    });
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { journal, clock });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(1);
  });

  it("draining after a replay waits for a journal that failed to answer", async () => {
    const { journal: memory, clock } = openJournal();
    let isBroken = false;
    const journal = overrideJournal(memory, {
      lease: (request) => (isBroken ? Promise.reject(new Error("busy")) : memory.lease(request)),
    });
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 400" }));
    const { queue } = setUpQueue(caches, { journal, clock });
    await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
    caches.behaviour = () => undefined;
    isBroken = true;
    expect(await queue.replay()).toBe(1);
    isBroken = false;
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(1);
  });

  it("puts rows aside that nobody can read, and lets none bypass policy", async () => {
    const { journal, clock } = openJournal();
    const fork = { type: "pull-request", number: 1, head: { repository: "evil/fork", branch: "x" } };
    const { ref: _ref, ...withoutRef } = storedRequest(5);
    await journal.accept([
      deliveryOf("nameless", { ...storedRequest(1), repository: "" }),
      deliveryOf("prefixed", { ...storedRequest(2), ref: { type: "branch", name: "refs/heads/main" } }),
      deliveryOf("pathless", { ...storedRequest(), storePaths: [] }),
      deliveryOf("good", storedRequest(3)),
      deliveryOf("stranger", { ...storedRequest(4), repository: "x/y" }),
      // What is not known may be a fact that was lost: without its ref, a fork's request would be allowed.
      deliveryOf("misspelt", { ...withoutRef, reff: fork }),
      deliveryOf("missing", withoutRef),
      deliveryOf("added", { ...storedRequest(6), note: "x" }),
      deliveryOf("none", "text"),
    ]);
    const caches = new FakeCaches();
    const { executor, runtime } = setUpQueue(caches, { clock });
    const settled: string[] = [];
    const registry = makeRegistry('allow_all = false, allowed_repos = ["o/r"]', { executor, runtime });
    const queue = new PushQueue(registry, {
      runtime,
      journal,
      onSettled: ({ ticketId, result }) => void settled.push(`${ticketId} ${result.status}`),
    });
    await runUntil(clock, queue.drain());
    expect([...caches.of("a")]).toEqual([storePath(3)]);
    expect(settled.sort()).toEqual([
      ...["added denied", "good pushed", "missing denied", "misspelt denied", "nameless denied"],
      ...["none denied", "pathless denied", "prefixed denied", "stranger denied"],
    ]);
    expect((await queue.deadLetters()).map(({ ticketId, code }) => [ticketId, code])).toEqual([
      ["nameless", "ERR_REQUEST_UNREADABLE"],
      ["prefixed", "ERR_REQUEST_UNREADABLE"],
      ["pathless", "ERR_REQUEST_UNREADABLE"],
      ["stranger", "ERR_PERMISSION_DENIED"],
      ["misspelt", "ERR_REQUEST_UNREADABLE"],
      ["missing", "ERR_REQUEST_UNREADABLE"],
      ["added", "ERR_REQUEST_UNREADABLE"],
      ["none", "ERR_REQUEST_UNREADABLE"],
    ]);
  });

  it("keeps what a cache no longer takes, as after a misspelt id, among the dead letters", async () => {
    const { journal, clock } = openJournal();
    await journal.accept([deliveryOf("t", storedRequest(1), "renamed")]);
    const { queue } = setUpQueue(new FakeCaches(), { journal, clock });
    await runUntil(clock, queue.drain());
    expect(await queue.deadLetters()).toMatchObject([
      { cacheId: "renamed", code: "ERR_PERMISSION_DENIED", storePaths: [storePath(1)] },
    ]);
  });

  it("draining takes up all that a journal holds, however little room there is", async () => {
    const { journal, clock } = openJournal();
    await journal.accept(deliveries(5));
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { journal, clock, capacity: 2 });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(5);
  });

  it("does not deliver again what the journal does not take, and offers it later", async () => {
    const { journal: memory, clock } = openJournal();
    let isBroken = true;
    const journal = overrideJournal(memory, {
      settle: (token, verdicts) =>
        isBroken ? Promise.reject(new Error("disk full")) : memory.settle(token, verdicts),
    });
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { journal, clock });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    for (let beat = 0; beat < 30; beat++) {
      clock.advance(20_000);
      await flush();
    }
    expect([caches.pushes.length, queue.size]).toEqual([1, 1]);
    isBroken = false;
    expect(await runUntil(clock, ticket.done, 1_000)).toMatchObject({ ok: true });
    expect(await queue.stats()).toEqual([]);
  });

  it("starves nobody while its journal fails, and asks it again", async () => {
    const { journal: memory, clock } = openJournal();
    await memory.accept(deliveries(3));
    let leases = 0;
    const journal = overrideJournal(memory, {
      lease: (request) =>
        ++leases > 1 && leases < 6 ? Promise.reject(new Error("busy")) : memory.lease(request),
    });
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { journal, clock, capacity: 1 });
    await runUntil(clock, queue.drain(), 1_000);
    expect(caches.of("a").size).toBe(3);
    expect(leases).toBeLessThan(40);
  });

  it("takes no more from a journal than there is room for", async () => {
    const { journal, clock } = openJournal();
    await journal.accept(deliveries(500));
    const caches = new FakeCaches();
    let most = 0;
    const { queue } = setUpQueue(caches, {
      journal,
      clock,
      capacity: 20,
      onSettled: () => {
        most = Math.max(most, queue.size);
      },
    });
    await runUntil(clock, queue.drain());
    expect(caches.of("a").size).toBe(500);
    expect(most).toBeLessThanOrEqual(20);
  });

  it("says so when its journal is damaged, and accepts nothing more", async () => {
    const { journal: memory, clock } = openJournal();
    const { PushError } = await import("@eka-ci/caches");
    const damaged = (): Promise<never> =>
      Promise.reject(new PushError("ERR_JOURNAL_CORRUPT", "The journal is damaged"));
    const journal = overrideJournal(memory, { accept: damaged, lease: damaged, stats: damaged });
    const { queue, warnings } = setUpQueue(new FakeCaches(), { journal, clock });
    await expect(queue.enqueue(requestFor(["a"], 1))).rejects.toMatchObject({ code: "ERR_JOURNAL_CORRUPT" });
    await expect(runUntil(clock, queue.drain())).rejects.toMatchObject({ code: "ERR_JOURNAL_CORRUPT" });
    expect(warnings.join()).toContain("damaged");
    await queue.close();
  });
});

it("two queues that share a journal resolve each other's tickets", async () => {
  const { journal: memory, clock } = openJournal();
  const journal = Object.defineProperty(memory, "isShared", { value: true });
  const caches = new FakeCaches();
  const told: string[] = [];
  const one = setUpQueue(caches, { journal, clock, stores: ["far"], onSettled: () => void told.push("one") });
  const ticket = await one.queue.enqueue(requestFor(["a"], 1));
  await one.queue.enqueue(requestFor(["b"], 2));
  // The first has the paths of `near` alone now; another takes what it accepted.
  const two = setUpQueue(caches, {
    journal,
    clock,
    stores: ["near", "far"],
    onSettled: () => void told.push("two"),
  });
  expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
  await runUntil(clock, Promise.all([one.queue.drain(), two.queue.drain()]));
  expect(told).toHaveLength(2);
  expect([one.queue.size, two.queue.size]).toEqual([0, 0]);
});
