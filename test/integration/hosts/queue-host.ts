// A host with a durable queue, as small as one can be: it accepts every path that its first argument names, tells which it has
// accepted, and drains. It is killed in the middle by the test that runs it.
import { CacheRegistry, createSqliteJournal, PushQueue } from "@eka-ci/caches";

const { toml, journal, storePaths } = JSON.parse(process.argv[2] ?? "{}");
const registry = CacheRegistry.fromToml(toml);
const queue = new PushQueue(registry, {
  journal: createSqliteJournal(journal),
  leaseMs: 300,
  lingerMs: 5,
  maxBatchPaths: 8,
  backoff: { baseMs: 10, capMs: 50 },
});
for (const storePath of storePaths) {
  await queue.enqueue({ repository: "o/r", job: "j", caches: ["loopback"], storePaths: [storePath] });
  process.stdout.write(`accepted ${storePath}\n`);
}
await queue.drain();
process.stdout.write(`drained, ${(await queue.deadLetters()).length} dead letters\n`);
await queue.close();
