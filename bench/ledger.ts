// What a ledger costs a queue: `npm run bench:ledger`, 2,000 requests of one path each through a queue whose
// pushes cost nothing, with a ledger and without. In memory, and in SQLite where this Node.js has it. Exits
// with 1 if a ledger makes a queue more than 5 % slower.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CacheRegistry,
  createMemoryJournal,
  createMemoryLedger,
  createSqliteJournal,
  createSqliteLedger,
  type PushJournal,
  type PushLedger,
  PushQueue,
} from "@eka-ci/caches";
import { createRecordingExecutor } from "@eka-ci/caches/testing";
import { keepOpen } from "../test/support/keep-open.ts";
import { race } from "./support/race.ts";
import { Scoreboard } from "./support/scoreboard.ts";

const COUNT = 2_000;
const DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";
const toPath = (index: number): string => {
  const hash = Array.from({ length: 32 }, (_digit, place) => DIGITS[(index >> (place * 5)) & 31] ?? "0").join(
    "",
  );
  return `/nix/store/${hash}-path-${index}`;
};

const registry = CacheRegistry.fromToml(
  `[security]
   audit_hooks = false
   [[caches]]
   id = "team"
   cache_type = "cachix"
   destination = "team"
   credentials = { env = { vars = ["CACHIX_AUTH_TOKEN"] } }
   permissions = { allow_all = true }`,
  { executor: createRecordingExecutor(), runtime: { env: { CACHIX_AUTH_TOKEN: "token" } }, verify: "never" },
);

async function deliver(journal: PushJournal, ledger: PushLedger | undefined): Promise<void> {
  await using queue = new PushQueue(registry, { journal, ledger, lingerMs: 0 });
  const tickets = await Promise.all(
    Array.from({ length: COUNT }, (_request, index) =>
      queue.enqueue({ repository: "o/r", job: "build", caches: ["team"], storePaths: [toPath(index)] }),
    ),
  );
  const reports = await Promise.all(tickets.map(({ done }) => done));
  if (!reports.every(({ ok }) => ok)) throw new Error("A delivery of the benchmark failed");
}

const directory = mkdtempSync(join(tmpdir(), "eka-ci-bench-"));
let files = 0;
const newFile = (): string => join(directory, `${files++}.sqlite`);
const board = new Scoreboard();
const measure = async (name: string, journal: () => PushJournal, ledger: PushLedger): Promise<void> => {
  // A host opens its ledger once: what that takes is no cost of a delivery.
  const kept = keepOpen(ledger);
  const times = await race(
    { without: () => deliver(journal(), undefined), with: () => deliver(journal(), kept) },
    31,
  );
  await ledger.close();
  board.add({ what: `${name}: ${COUNT} deliveries without a ledger`, value: times.without, unit: "ms" });
  board.add({ what: `${name}: the same with one`, value: times.with, unit: "ms" });
  board.addAtMost(`${name}: with / without`, times.with / times.without, 1.05);
};
await measure("in memory", () => createMemoryJournal(), createMemoryLedger());
if (process.getBuiltinModule("node:sqlite") !== undefined)
  await measure("in SQLite", () => createSqliteJournal(newFile()), createSqliteLedger(newFile()));
rmSync(directory, { recursive: true });
board.finish();
