import { createMemoryJournal, type PushJournal, PushQueue, type SettledDelivery } from "@eka-ci/caches";
import { createFakeClock } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import {
  FakeCaches,
  flush,
  makeRegistry,
  requestFor,
  runUntil,
  setUpQueue,
  storePath,
} from "../support/fake-cache.ts";

describe("trying again", () => {
  it("tries again after a while, at most four times in a row, then gives up and can be told to try again", async () => {
    const settled: SettledDelivery[] = [];
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 503" }));
    const { queue, clock } = setUpQueue(caches, { onSettled: (delivery) => void settled.push(delivery) });
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
    const clock = createFakeClock();
    const journal: PushJournal = new Proxy(createMemoryJournal({ clock }), {
      get: (target, name: keyof PushJournal) => {
        const member = target[name];
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          kept.push(JSON.stringify(args));
          return (member as (...values: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const { queue, commands } = setUpQueue(caches, { env, journal, clock });
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

  it("a registry that is gone ends in a report at the deadline", async () => {
    const caches = new FakeCaches();
    const { queue, clock, registry } = setUpQueue(caches, { deadlineMs: 10_000 });
    await registry[Symbol.asyncDispose]();
    const accepted = await queue.enqueue(requestFor(["a"], 1));
    expect((await runUntil(clock, accepted.done)).results).toMatchObject([
      { status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } },
    ]);
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
    // The first is there, and what it refers to may not be.
    expect(await queue.deadLetters()).toMatchObject([{ storePaths: [storePath(1), storePath(2)] }]);
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
});
