import assert from "node:assert/strict";
import type { LedgerBounds, LedgerEntry, PushLedger } from "../delivery/ledger/push-ledger.ts";
import { createNodeRuntime } from "../host/runtime.ts";
import type { TestFramework } from "./test-framework.ts";

/**
 * What {@link describePushLedger} tests.
 *
 * @example
 * ```ts
 * const suite: PushLedgerSuite = { name: "memory", framework: { describe, it }, open: (bounds) => createMemoryLedger(bounds) };
 * ```
 *
 * @public
 */
export interface PushLedgerSuite {
  /** Name of the suite. */
  readonly name: string;
  /** The test framework in use. */
  readonly framework: TestFramework;
  /** Opens an empty ledger with these limits; its clock must have the time of the machine. */
  readonly open: (bounds: LedgerBounds) => PushLedger | Promise<PushLedger>;
}

const PATH = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";
const OTHER = "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-other";

const { clock } = createNodeRuntime();

const entry = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ time: new Date(clock.now()).toISOString(), storePath: PATH, cacheId: "team", outcome: "pushed" },
  ...{ pushId: "push-1", repository: "o/r", job: "build", ref: { type: "branch", name: "main" } },
  ...more,
});

type Case = (ledger: PushLedger, open: PushLedgerSuite["open"]) => Promise<void>;

const idsOf = async (found: Promise<readonly LedgerEntry[]>): Promise<readonly string[]> =>
  (await found).map(({ pushId }) => pushId);

const CASES: Readonly<Record<string, Case>> = {
  "gives back what was recorded, the last first": async (ledger) => {
    const full = entry({
      ...{ pushId: "push-2", outcome: "skipped", reason: "excluded", commit: "c0ffee", signedBy: "key-1" },
      ...{ ref: { type: "pull-request", number: 7, head: { repository: null, branch: "é\u0000" } } },
    });
    const first = entry();
    await ledger.record([first, full]);
    const found = await ledger.find({ limit: 10 });
    const told = found.map(({ position: _position, ...told }) => withoutAbsent(told));
    assert.deepEqual(told, [full, first].map(withoutAbsent));
  },
  "finds by path, cache, repository, job and outcome, and by pages": async (ledger) => {
    await ledger.record([
      entry({ pushId: "a" }),
      entry({ pushId: "b", storePath: OTHER }),
      entry({ pushId: "c", cacheId: "other" }),
      entry({ pushId: "d", repository: "o/other" }),
      entry({ pushId: "e", job: "other" }),
      entry({ pushId: "f", outcome: "failed", reason: "ERR_PUSH_FAILED" }),
    ]);
    assert.deepEqual(await idsOf(ledger.find({ storePath: OTHER, limit: 10 })), ["b"]);
    assert.deepEqual(await idsOf(ledger.find({ cacheId: "other", limit: 10 })), ["c"]);
    assert.deepEqual(await idsOf(ledger.find({ repository: "o/other", limit: 10 })), ["d"]);
    assert.deepEqual(await idsOf(ledger.find({ job: "other", limit: 10 })), ["e"]);
    assert.deepEqual(await idsOf(ledger.find({ outcomes: ["failed", "denied"], limit: 10 })), ["f"]);
    assert.deepEqual(await idsOf(ledger.find({ outcomes: [], limit: 10 })), []);
    const page = await ledger.find({ cacheId: "team", limit: 2 });
    const next = await ledger.find({ cacheId: "team", limit: 2, before: page.at(-1) });
    assert.deepEqual(
      [...page, ...next].map(({ pushId }) => pushId),
      ["f", "e", "d", "b"],
    );
    assert.deepEqual(await ledger.find({ storePath: "' OR 1=1 --", limit: 10 }), []);
  },
  "replaces an entry of the same push, and a good one only by a good one": async (ledger) => {
    await ledger.record([entry({ outcome: "failed", reason: "ERR_PUSH_TIMEOUT" })]);
    await ledger.record([entry({ outcome: "upstream" }), entry({ outcome: "pushed" })]);
    await ledger.record([entry({ outcome: "denied", reason: "branch-not-allowed" })]);
    const found = await ledger.find({ limit: 10 });
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ["pushed"],
    );
  },
  "says what is owed: the last of what came to no good end": async (ledger) => {
    await ledger.record([
      entry({ pushId: "a", outcome: "denied", reason: "branch-not-allowed" }),
      entry({ pushId: "b", outcome: "failed", reason: "ERR_PUSH_FAILED" }),
      entry({ pushId: "c", storePath: OTHER, outcome: "denied", reason: "branch-not-allowed" }),
      entry({ pushId: "d", cacheId: "other", outcome: "pushed" }),
    ]);
    assert.deepEqual(await idsOf(ledger.owed({ limit: 10 })), ["c", "b"]);
    assert.deepEqual(await idsOf(ledger.owed({ storePath: PATH, limit: 10 })), ["b"]);
    await ledger.record([entry({ pushId: "e", repository: "o/other" })]);
    assert.deepEqual(await idsOf(ledger.owed({ repository: "o/r", limit: 10 })), ["c"]);
    await ledger.record([
      entry({ pushId: "f", outcome: "failed", reason: "ERR_PUSH_FAILED" }),
      // A denied or skipped path of one repository does not settle what another is owed.
      entry({ pushId: "g", storePath: OTHER, repository: "stranger/r", outcome: "denied", reason: "x" }),
      entry({ pushId: "h", storePath: OTHER, job: "other", outcome: "skipped", reason: "excluded" }),
    ]);
    assert.deepEqual(await idsOf(ledger.owed({ repository: "o/r", job: "build", limit: 10 })), ["c"]);
    assert.deepEqual(await idsOf(ledger.owed({ repository: "stranger/r", limit: 10 })), ["g"]);
    await ledger.record([entry({ pushId: "c", storePath: OTHER, outcome: "denied", reason: "x" })]);
    assert.deepEqual(await idsOf(ledger.owed({ limit: 10 })), ["c"]);
  },
  "says which paths were pushed to a cache a moment ago": async (ledger) => {
    const old = new Date(clock.now() - 3_600_000).toISOString();
    const ahead = new Date(clock.now() + 3_600_000).toISOString();
    const fingerprint = "here";
    await ledger.record([
      entry({ fingerprint }),
      entry({ pushId: "b", storePath: OTHER, time: old, fingerprint }),
      entry({ pushId: "c", storePath: OTHER, outcome: "upstream", fingerprint }),
      entry({ pushId: "d", storePath: OTHER, cacheId: "other", fingerprint }),
      entry({ pushId: "e", storePath: OTHER, fingerprint: "elsewhere" }),
      entry({ pushId: "f", storePath: OTHER, time: ahead, fingerprint }),
      entry({ pushId: "g", storePath: OTHER }),
    ]);
    assert.deepEqual(await ledger.confirmed("team", [PATH, OTHER], 60_000, fingerprint), [PATH]);
    assert.deepEqual([...(await ledger.confirmed("team", [PATH, OTHER], 7_200_000, fingerprint))].sort(), [
      PATH,
      OTHER,
    ]);
    assert.deepEqual(await ledger.confirmed("team", [], 60_000, fingerprint), []);
  },
};

const BOUNDED: Case = async (_ledger, open) => {
  const small = await open({ maxEntries: 20, maxAgeMs: 60_000 });
  try {
    const old = new Date(clock.now() - 120_000).toISOString();
    await small.record([entry({ pushId: "old", time: old })]);
    for (let index = 0; index < 60; index++) await small.record([entry({ pushId: `push-${index}` })]);
    const kept = await idsOf(small.find({ limit: 1_000 }));
    assert.ok(kept.length <= 22 && kept.length >= 18, `${kept.length} entries are kept`);
    assert.equal(kept[0], "push-59");
    assert.ok(!kept.includes("old"));
  } finally {
    await small.close();
  }
};

/**
 * The contract of a ledger, as tests. It finds recorded entries, knows what is owed and what was confirmed,
 * and stays within its limits.
 *
 * @param suite - the ledger
 *
 * @example
 * ```ts
 * describePushLedger({ name: "mine", framework: { describe, it }, open: (bounds) => createMemoryLedger(bounds) });
 * ```
 *
 * @public
 */
export function describePushLedger({ name, framework, open }: PushLedgerSuite): void {
  const { describe, it } = framework;
  describe(`ledger ${name}`, () => {
    for (const [title, test] of Object.entries({ ...CASES, "keeps no more than its bounds": BOUNDED }))
      it(title, async () => {
        const ledger = await open({});
        try {
          await test(ledger, open);
        } finally {
          await ledger.close();
        }
      });
  });
}

/** A database also returns members that were left out. */
function withoutAbsent(given: LedgerEntry): unknown {
  return JSON.parse(JSON.stringify(given));
}
