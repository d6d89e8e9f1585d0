import { describe, expect, it } from "vitest";
import { FakeCaches, flush, requestFor, runUntil, setUpQueue, storePath } from "../support/fake-cache.ts";

describe("batches", () => {
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

  it("does not wait for others while what waits fills a batch, also after the first one", async () => {
    const caches = new FakeCaches();
    const { queue } = setUpQueue(caches, { lingerMs: 3_600_000, maxBatchPaths: 3, concurrency: 1 });
    for (let index = 0; index < 11; index++) await queue.enqueue(requestFor(["a"], index));
    for (let turn = 0; turn < 20; turn++) await flush();
    expect(caches.pushes.map(([, paths]) => paths.length)).toEqual([3, 3, 3]);
    expect(queue.size).toBe(2);
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
    expect(await queue.deadLetters()).toMatchObject([{ code: "ERR_PUSH_FAILED", storePaths: [poison] }]);
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

  it("tries paths again that a failed command has brought there, until a command ends well", async () => {
    // Each command brings two more and fails, as of a server that fails some requests.
    const caches = new FakeCaches();
    caches.behaviour = (name, paths) =>
      paths.every((path) => caches.of(name).has(path))
        ? undefined
        : { exitCode: 1, stderr: "HTTP error 500" };
    caches.partial = (paths) => paths.filter((path) => !caches.of("a").has(path)).slice(0, 2);
    const { queue, clock } = setUpQueue(caches);
    const indexes = Array.from({ length: 20 }, (_path, index) => index);
    const ticket = await queue.enqueue(requestFor(["a"], ...indexes));
    const report = await runUntil(clock, ticket.done);
    expect(report).toMatchObject({ ok: true, results: [{ storePaths: indexes.map(storePath) }] });
    expect(caches.pushes.map(([, paths]) => paths.length)).toEqual(Array.from({ length: 11 }, () => 20));
  });

  it("settles what the cache leaves to an upstream", async () => {
    const caches = new FakeCaches();
    caches.upstream.add(storePath(1)).add(storePath(2));
    const { queue, clock } = setUpQueue(caches);
    const left = await queue.enqueue(requestFor(["a"], 1, 2));
    const mixed = await queue.enqueue(requestFor(["b"], 1, 3));
    expect(await runUntil(clock, left.done)).toMatchObject({
      ok: true,
      results: [{ status: "upstream", storePaths: [], upstreamPaths: [storePath(1), storePath(2)] }],
    });
    expect(await runUntil(clock, mixed.done)).toMatchObject({
      ok: true,
      results: [{ status: "pushed", storePaths: [storePath(3)], upstreamPaths: [storePath(1)] }],
    });
    expect(await queue.deadLetters()).toEqual([]);
  });

  it("calls nothing delivered that only a failed command has brought there", async () => {
    const caches = new FakeCaches(() => ({ exitCode: 1, stderr: "HTTP error 500" }));
    caches.partial = (paths) => paths;
    const { queue, clock } = setUpQueue(caches);
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect((await runUntil(clock, ticket.done)).results).toMatchObject([
      { status: "failed", storePaths: [storePath(1)], confirmedPaths: [] },
    ]);
    expect(await queue.deadLetters()).toMatchObject([{ storePaths: [storePath(1)] }]);
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

it("repositories that take turns cost no more commands than one after the other", async () => {
  const caches = new FakeCaches();
  const { queue, clock } = setUpQueue(caches, { capacity: 1_000 });
  const tickets = await Promise.all(
    Array.from({ length: 400 }, (_request, index) =>
      queue.enqueue({ ...requestFor(["a"], index), repository: index % 2 === 0 ? "o/one" : "o/two" }),
    ),
  );
  await runUntil(clock, Promise.all(tickets.map(({ done }) => done)));
  expect(caches.pushes).toHaveLength(2);
  for (const [, paths] of caches.pushes) expect(paths).toEqual([...paths].sort());
});
