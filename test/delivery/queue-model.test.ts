import { createMemoryJournal, type PushJournal, type PushQueue, type SettledDelivery } from "@eka-ci/caches";
import { createFakeClock, type FakeClock } from "@eka-ci/caches/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeCaches, flush, requestFor, runUntil, setUpQueue, storePath } from "../support/fake-cache.ts";

type Mood = "works" | "busy" | "refuses-odd-paths" | "brings-half";

/** What the queue should know: each delivery that was accepted, and how it ended. */
interface Model {
  readonly deliveries: Map<
    string,
    { readonly cache: string; readonly paths: readonly number[]; ends: string[] }
  >;
}

/** The real queue, its journal and its caches. */
interface World {
  queue: PushQueue;
  readonly clock: FakeClock;
  readonly caches: FakeCaches;
  readonly journal: PushJournal;
  readonly moods: Map<string, Mood>;
  readonly reports: Map<string, number>;
  readonly problems: string[];
  onSettled: (settled: SettledDelivery) => void;
}

const CACHES = ["a", "b", "c"];

function createWorld(): World {
  const moods = new Map<string, Mood>();
  const caches = new FakeCaches((name, paths) => {
    const mood = moods.get(name) ?? "works";
    if (mood === "busy") return { exitCode: 1, stderr: "HTTP error 503" };
    const isOdd = (path: string): boolean => Number(path.slice(path.lastIndexOf("p") + 1)) % 2 === 1;
    if (mood === "refuses-odd-paths" && paths.some(isOdd)) return { exitCode: 1, stderr: "HTTP error 413" };
    return mood === "brings-half" ? { exitCode: 1, stderr: "HTTP error 500" } : undefined;
  });
  caches.partial = (paths) =>
    [...moods.values()].includes("brings-half") ? paths.slice(0, Math.ceil(paths.length / 2)) : [];
  const clock = createFakeClock();
  const world = {
    clock,
    caches,
    journal: keepOpen(createMemoryJournal({ clock })),
    moods,
    reports: new Map(),
    problems: [],
    onSettled: () => {},
  };
  return reopen(world as unknown as World);
}

/** A journal that stays when its queue closes, as a file does. */
function keepOpen(journal: PushJournal): PushJournal {
  return Object.defineProperty(journal, "close", { value: async () => {} });
}

function reopen(world: World): World {
  const { clock, caches, journal } = world;
  const { queue } = setUpQueue(caches, {
    clock,
    journal,
    concurrency: 1,
    maxBatchPaths: 4,
    // Longer than the longest step of the clock: a lease that ends in a step is a host that crashed.
    leaseMs: 20_000,
    onSettled: (settled) => world.onSettled(settled),
  });
  return Object.assign(world, { queue });
}

class Enqueue implements fc.AsyncCommand<Model, World> {
  readonly targets: readonly string[];
  readonly paths: readonly number[];

  constructor(targets: readonly string[], paths: readonly number[]) {
    this.targets = targets;
    this.paths = paths;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, world: World): Promise<void> {
    const ticket = await world.queue.enqueue(requestFor(this.targets, ...this.paths));
    for (const cache of this.targets)
      model.deliveries.set(`${ticket.id} ${cache}`, { cache, paths: this.paths, ends: [] });
    void ticket.done.then(() => world.reports.set(ticket.id, (world.reports.get(ticket.id) ?? 0) + 1));
    await flush();
    await expectSize(model, world);
  }
  toString(): string {
    return `enqueue(${this.targets.join("+")}: ${this.paths.join()})`;
  }
}

class Wait implements fc.AsyncCommand<Model, World> {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, world: World): Promise<void> {
    for (let waited = 0; waited < this.ms; waited += 500) {
      world.clock.advance(500);
      await flush();
    }
    await expectSize(model, world);
  }
  toString(): string {
    return `wait(${this.ms})`;
  }
}

class SetMood implements fc.AsyncCommand<Model, World> {
  readonly cache: string;
  readonly mood: Mood;

  constructor(cache: string, mood: Mood) {
    this.cache = cache;
    this.mood = mood;
  }
  check(): boolean {
    return true;
  }
  async run(_model: Model, world: World): Promise<void> {
    world.moods.set(this.cache, this.mood);
  }
  toString(): string {
    return `${this.cache} ${this.mood}`;
  }
}

class Restart implements fc.AsyncCommand<Model, World> {
  check(): boolean {
    return true;
  }
  async run(model: Model, world: World): Promise<void> {
    await runUntil(world.clock, world.queue.close());
    reopen(world);
    await flush();
    await expectSize(model, world);
  }
  toString(): string {
    return "restart";
  }
}

class Replay implements fc.AsyncCommand<Model, World> {
  check(): boolean {
    return true;
  }
  async run(model: Model, world: World): Promise<void> {
    const buried = (await world.queue.deadLetters()).length;
    expect(buried).toBe([...model.deliveries.values()].filter(({ ends }) => ends.at(-1) === "failed").length);
    expect(await world.queue.replay()).toBe(buried);
    markReplayed(model);
    await flush();
    await expectSize(model, world);
  }
  toString(): string {
    return "replay";
  }
}

function markReplayed(model: Model): void {
  for (const delivery of model.deliveries.values())
    if (delivery.ends.at(-1) === "failed") delivery.ends.push("replayed");
}

function isOpen({ ends }: { readonly ends: readonly string[] }): boolean {
  return ends.length === 0 || ends.at(-1) === "replayed";
}

async function expectSize(model: Model, { queue, problems }: World): Promise<void> {
  expect(problems).toEqual([]);
  const open = (await queue.stats()).map(({ waiting, held }) => waiting + held);
  expect(open.reduce((sum, count) => sum + count, 0)).toBe(
    [...model.deliveries.values()].filter(isOpen).length,
  );
}

const moods = fc.constantFrom<Mood>("works", "busy", "refuses-odd-paths", "brings-half");
const commands = [
  fc
    .tuple(
      fc.subarray(CACHES, { minLength: 1 }),
      fc.uniqueArray(fc.nat({ max: 9 }), { minLength: 1, maxLength: 5 }),
    )
    .map(([targets, paths]) => new Enqueue(targets, paths)),
  fc.constantFrom(500, 2_000, 70_000).map((ms) => new Wait(ms)),
  fc.tuple(fc.constantFrom(...CACHES), moods).map(([cache, mood]) => new SetMood(cache, mood)),
  fc.constant(new Restart()),
  fc.constant(new Replay()),
];

it("loses no request, settles none twice, and says nothing that is not so, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 25, size: "max" }), async (steps) => {
      const model: Model = { deliveries: new Map() };
      const world = createWorld();
      world.onSettled = ({ ticketId, result }) => {
        const delivery = model.deliveries.get(`${ticketId} ${result.cacheId}`);
        if (delivery === undefined || !isOpen(delivery))
          world.problems.push(`settled twice or never accepted: ${ticketId}`);
        delivery?.ends.push(result.status);
        const there = delivery?.paths.every((path) => world.caches.of(result.cacheId).has(storePath(path)));
        if (result.status === "pushed" && there !== true)
          world.problems.push(`reported as pushed and not there: ${ticketId}`);
      };
      await fc.asyncModelRun(() => ({ model, real: world }), steps);
      for (const cache of CACHES) world.moods.set(cache, "works");
      await runUntil(world.clock, world.queue.drain(), 5_000);
      markReplayed(model);
      await world.queue.replay();
      await runUntil(world.clock, world.queue.drain(), 5_000);
      await flush();
      expect(world.problems).toEqual([]);
      for (const { cache, paths, ends } of model.deliveries.values()) {
        expect(["failed", "replayed", "pushed"]).toEqual(expect.arrayContaining(ends));
        for (const path of paths) expect(world.caches.of(cache)).toContain(storePath(path));
      }
      for (const count of world.reports.values()) expect(count).toBe(1);
      await world.queue.close();
    }),
    { numRuns: 150 },
  );
}, 120_000);

it("starts the deliveries of a lane in their order", async () => {
  const counts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(counts, fc.integer({ min: 1, max: 6 }), async (sizes, maxBatchPaths) => {
      const caches = new FakeCaches();
      const { queue, clock } = setUpQueue(caches, { concurrency: 1, maxBatchPaths });
      let next = 0;
      for (const size of sizes)
        await queue.enqueue(requestFor(["a"], ...Array.from({ length: size }, () => next++)));
      await runUntil(clock, queue.drain());
      expect(caches.pushes.flatMap(([, paths]) => paths)).toEqual(
        Array.from({ length: next }, (_path, index) => storePath(index)),
      );
      await queue.close();
    }),
    { numRuns: 50 },
  );
}, 60_000);
