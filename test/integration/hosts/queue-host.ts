// A host with a durable queue, as small as one can be: it accepts every path that its first argument names,
// tells which it has accepted, and drains. It is killed in the middle by the test that runs it.
import { CacheRegistry, createSqliteJournal, PushQueue } from "@eka-ci/caches";

const { toml, journal, storePaths } = JSON.parse(process.argv[2] ?? "{}");
const registry = CacheRegistry.fromToml(toml);
const queue = new PushQueue(registry, {
  journal: createSqliteJournal(journal),
  leaseMs: 300,
  lingerMs: 5,
  maxBatchPaths: 8,
  backoff: { baseMs: 10, capMs: 50 },
  // The host is killed by whoever starts it, as often as they like: no delivery is to blame.
  maxCrashes: 1_000,
});
for (const storePath of storePaths) {
  await queue.enqueue({ repository: "o/r", job: "j", caches: ["loopback"], storePaths: [storePath] });
  process.stdout.write(`accepted ${storePath}\n`);
}
await queue.drain();
const letters = await queue.deadLetters();
process.stdout.write(`drained, ${letters.length} dead letters ${letters.map(({ code }) => code).join()}\n`);
await queue.close();
