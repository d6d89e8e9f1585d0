// Runs queue libraries as the engine benchmark runs ours, and prints a line of JSON for each figure. Their packages are installed beside the
// project for this alone, so it is plain JavaScript that is started in their directory: bench/engine.ts does both.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [directory, postgresUrl, redisPort] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${directory}/`));
const COUNT = 20_000;
const BATCH = 200;
const QUEUES = 10;
const payload = { request: "x".repeat(300) };
const print = (what, value, unit) => console.log(JSON.stringify({ what, value, unit }));
const percentile = (values, part) =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * part)];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function runPgBoss() {
  const { PgBoss } = await import(pathToFileURL(require.resolve("pg-boss")).href);
  const boss = new PgBoss({ connectionString: postgresUrl, schedule: false, supervise: false });
  boss.on("error", () => undefined);
  await boss.start();
  const names = Array.from({ length: QUEUES }, (_queue, index) => `cache-${index}`);
  for (const name of names) await boss.createQueue(name);
  const startedAt = performance.now();
  const lists = names.map(() => Array.from({ length: COUNT / QUEUES }, () => ({ data: payload })));
  for (const [index, name] of names.entries())
    for (let at = 0; at < lists[index].length; at += BATCH)
      await boss.insert(name, lists[index].slice(at, at + BATCH));
  const work = async () => {
    for (let left = true; left; ) {
      left = false;
      for (const name of names) {
        const jobs = await boss.fetch(name, { batchSize: BATCH });
        if (jobs.length === 0) continue;
        left = true;
        await boss.complete(
          name,
          jobs.map(({ id }) => id),
        );
      }
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  print("pg-boss 12, batches of 200", (COUNT * 1000) / (performance.now() - startedAt), "jobs/s");
  await boss.stop({ graceful: false });
}

async function runBullmq() {
  const { Queue, Worker } = require("bullmq");
  const connection = { host: "127.0.0.1", port: Number(redisPort), maxRetriesPerRequest: null };
  const queue = new Queue("bench", { connection });
  await queue.waitUntilReady();
  const startedAt = performance.now();
  for (let at = 0; at < COUNT; at += BATCH)
    await queue.addBulk(Array.from({ length: BATCH }, () => ({ name: "push", data: payload })));
  let done = 0;
  const workers = await new Promise((resolve) => {
    const made = Array.from(
      { length: 2 },
      () =>
        new Worker(
          "bench",
          async () => {
            if (++done === COUNT) resolve(made);
          },
          { connection, concurrency: 50 },
        ),
    );
  });
  print("BullMQ 6 on Redis, one by one", (COUNT * 1000) / (performance.now() - startedAt), "jobs/s");
  await Promise.all(workers.map((worker) => worker.close()));
  const times = [];
  let finish = () => undefined;
  let sentAt = 0;
  const waiting = new Worker(
    "bench",
    async () => {
      times.push(performance.now() - sentAt);
      finish();
    },
    { connection },
  );
  await waiting.waitUntilReady();
  await sleep(500);
  for (let round = 0; round < 100; round++) {
    await sleep(Math.random() * 20);
    const finished = new Promise((resolve) => {
      finish = resolve;
    });
    sentAt = performance.now();
    await queue.add("push", payload);
    await finished;
  }
  print("BullMQ 6 on Redis, wake-up, p95", percentile(times, 0.95), "ms");
  await waiting.close();
  await queue.close();
}

await runPgBoss();
if (redisPort !== "") await runBullmq();
process.exit(0);
