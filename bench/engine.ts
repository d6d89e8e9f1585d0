// What the journal in PostgreSQL carries, pushes left out: `npm run bench:engine` (needs Debian's
// postgresql). Exits with 1 if a goal is missed. pg-boss 12 and BullMQ 6 run beside it, by the Node.js that
// EKA_CI_NODE_WITH_SQLITE names, or this one if it is new enough.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Batch, Delivery, LeaseRequest, PushJournal } from "@eka-ci/caches";
import { createPostgresJournal } from "@eka-ci/caches/postgres";
import { startPostgres } from "../test/integration/servers/postgres.ts";
import { runPeers } from "./support/run-peers.ts";
import { Scoreboard } from "./support/scoreboard.ts";

await using server = await startPostgres();
const [{ version } = {}] = await server.run("SELECT split_part(version(), ' on ', 1) AS version");
const board = new Scoreboard(String(version), "synchronous_commit on, fsync on, over the loopback");

let schemas = 0;
const openAnew = (): Promise<PushJournal> => open(`bench_${schemas++}`);
const open = (schema: string): Promise<PushJournal> =>
  createPostgresJournal({ connectionString: server.url, schema });

const request = (more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  owner: "bench",
  stores: ["local"],
  limit: 200,
  leaseMs: 60_000,
  lingerMs: 0,
  batchesPerCache: 64,
  maxCrashes: 5,
  exceptCaches: [],
  ...more,
});

const TEXT = JSON.stringify({
  repository: "owner/repository",
  ref: { type: "branch", name: "main" },
  job: "job",
  storePaths: [`/nix/store/${"0".repeat(32)}-a-package-with-a-name-1.0`],
  drvPath: null,
  commit: "0".repeat(40),
});

function makeDeliveries(count: number, caches: number, repositories: number): readonly Delivery[] {
  return Array.from({ length: count }, (_delivery, index) => {
    const [ticketId, cacheId] = [randomUUID(), `cache-${index % caches}`];
    const repository = `owner/repository-${Math.floor(index / caches) % repositories}`;
    return { id: `${ticketId}/${cacheId}`, ticketId, cacheId, storeId: "local", repository, request: TEXT };
  });
}

async function acceptAll(journal: PushJournal, deliveries: readonly Delivery[], at = 200): Promise<void> {
  for (let start = 0; start < deliveries.length; start += at)
    await journal.accept(deliveries.slice(start, start + at));
}

const settleAll = (journal: PushJournal, { token, deliveries }: Batch): Promise<boolean> =>
  journal.settle(
    token,
    deliveries.map(({ id }) => ({ id, status: "done", result: "{}", isTold: true })),
  );

async function work(journal: PushJournal): Promise<number> {
  for (let batches = 0; ; batches++) {
    const batch = await journal.lease(request());
    if (batch === undefined) return batches;
    await settleAll(journal, batch);
  }
}

/** Deliveries a second, from acceptance to the end, by four loops on two hosts. */
async function measureThroughput(): Promise<number> {
  const count = 40_000;
  const first = await openAnew();
  const second = await open(`bench_${schemas - 1}`);
  await acceptAll(first, makeDeliveries(2_000, 10, 1));
  await work(first);
  const deliveries = makeDeliveries(count, 10, 1);
  const startedAt = performance.now();
  const halves = [deliveries.slice(0, count / 2), deliveries.slice(count / 2)];
  await Promise.all([acceptAll(first, halves[0] ?? []), acceptAll(second, halves[1] ?? [])]);
  await Promise.all([work(first), work(second), work(first), work(second)]);
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all([first.close(), second.close()]);
  return count / seconds;
}

/** From the commit of one host to the lease of another that waits to be told. */
async function measureWakeUps(): Promise<readonly number[]> {
  const producer = await openAnew();
  const consumer = await open(`bench_${schemas - 1}`);
  const times: number[] = [];
  let startedAt = 0;
  let finish = (): void => undefined;
  const take = async (): Promise<void> => {
    const batch = await consumer.lease(request());
    if (batch === undefined) return;
    times.push(performance.now() - startedAt);
    await settleAll(consumer, batch);
    finish();
  };
  const stop = await consumer.watch(() => void take());
  await sleep(500);
  for (let round = 0; round < 200; round++) {
    await sleep(Math.random() * 20);
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    startedAt = performance.now();
    await producer.accept(makeDeliveries(1, 1, 1));
    await finished;
  }
  await stop();
  await Promise.all([producer.close(), consumer.close()]);
  return times;
}

/** Commands that 2,000 deliveries of 20 repositories need, which came in turns. */
async function countCommands(): Promise<number> {
  const journal = await openAnew();
  await acceptAll(journal, makeDeliveries(2_000, 1, 20));
  const commands = await work(journal);
  await journal.close();
  return commands;
}

/** From the last sign of a host to the lease of another, as a part of the lease. */
async function measureTakeOver(): Promise<number> {
  const leaseMs = 3_000;
  const killed = await openAnew();
  const living = await open(`bench_${schemas - 1}`);
  await acceptAll(killed, makeDeliveries(200, 1, 1));
  const startedAt = performance.now();
  await killed.lease(request({ leaseMs }));
  await killed.close();
  let batch: Batch | undefined;
  while (batch === undefined) {
    const next = await living.nextInMs(request());
    await sleep(Math.min(next ?? 50, 1_000));
    batch = await living.lease(request());
  }
  const ratio = (performance.now() - startedAt) / leaseMs;
  await living.close();
  return ratio;
}

/** Rounds in which more batches of a cache were held at once than may be. */
async function countExcesses(rounds: number): Promise<number> {
  const hosts = [await openAnew(), await open(`bench_${schemas - 1}`)];
  let excesses = 0;
  for (let round = 0; round < rounds; round++) {
    const [first] = hosts;
    await first?.accept(makeDeliveries(6, 1, 6));
    const asked = hosts.flatMap((host) => [1, 2, 3].map(() => host.lease(request({ batchesPerCache: 2 }))));
    const taken = (await Promise.all(asked)).filter((batch) => batch !== undefined);
    if (taken.length > 2) excesses++;
    for (const batch of taken) if (first !== undefined) await settleAll(first, batch);
    if (first !== undefined) await work(first);
  }
  await Promise.all(hosts.map((host) => host.close()));
  return excesses;
}

/** Times of a lease while so many wait, spread over caches and repositories, and of asking for the counts. */
async function measureBacklog(count: number) {
  const journal = await openAnew();
  await acceptAll(journal, makeDeliveries(count, 20, 500), 2_000);
  const leases: number[] = [];
  const stats: number[] = [];
  for (let round = 0; round < 100; round++) {
    const startedAt = performance.now();
    const batch = await journal.lease(request());
    leases.push(performance.now() - startedAt);
    if (batch !== undefined) await settleAll(journal, batch);
  }
  for (let round = 0; round < 10; round++) {
    const startedAt = performance.now();
    await journal.stats();
    stats.push(performance.now() - startedAt);
  }
  await journal.close();
  return { leases, stats };
}

/** The value below which a part of the measurements lies. */
function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const addAtMost = (what: string, value: number, unit: string, limit: number): void =>
  board.add({ what, value, unit, goal: `at most ${limit}`, isMet: value <= limit });

const perSecond = await measureThroughput();
board.add({
  ...{ what: "engine alone, batches of 200", value: perSecond, unit: "deliveries/s" },
  ...{ goal: "at least 10,000", isMet: perSecond >= 10_000 },
});
const wakeUps = await measureWakeUps();
board.add({ what: "wake-up of an idle host, p50", value: percentile(wakeUps, 0.5), unit: "ms" });
addAtMost("wake-up of an idle host, p95", percentile(wakeUps, 0.95), "ms", 50);
addAtMost("2,000 deliveries of 20 repositories that take turns", await countCommands(), "commands", 40);
addAtMost("first lease after a kill / the lease", await measureTakeOver(), "times", 1.1);
addAtMost("1,000 rounds: bound of a cache exceeded", await countExcesses(1_000), "times", 0);
const { leases, stats } = await measureBacklog(200_000);
addAtMost("200,000 waiting: lease, p50", percentile(leases, 0.5), "ms", 50);
board.add({ what: "200,000 waiting: lease, p95", value: percentile(leases, 0.95), unit: "ms" });
board.add({ what: "200,000 waiting: stats, p50", value: percentile(stats, 0.5), unit: "ms" });
for (const score of await runPeers(server.url)) board.add(score);
board.finish();
