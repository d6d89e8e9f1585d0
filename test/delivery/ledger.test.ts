import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMemoryLedger,
  createSqliteJournal,
  createSqliteLedger,
  type LedgerEntry,
  type PushLedger,
  PushQueue,
  type PushRequest,
} from "@eka-ci/caches";
import { describePushLedger, type FakeClock } from "@eka-ci/caches/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runUntil } from "../support/fake-cache.ts";
import { keepOpen } from "../support/keep-open.ts";
import { describeWithSqlite } from "../support/requirement.ts";
import { OTHER, PATH, REQUEST, setUp, TOML } from "../support/set-up-registry.ts";

const framework = { describe, it };
describePushLedger({ name: "in memory", framework, open: (bounds) => createMemoryLedger(bounds) });

describeWithSqlite("a ledger in SQLite", () => {
  let directory = "";
  let files = 0;
  const newFile = (): string => join(directory, `${files++}.sqlite`);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-ledger-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  describePushLedger({
    name: "in SQLite",
    framework,
    open: (bounds) => createSqliteLedger(newFile(), bounds),
  });

  it("outlives its process, is shared, and is its owner's alone", async () => {
    const file = newFile();
    const [one, other] = [createSqliteLedger(file), createSqliteLedger(file)];
    const entry: LedgerEntry = {
      ...{ time: "2026-01-01T00:00:00.000Z", storePath: PATH, cacheId: "c", outcome: "pushed" },
      ...{ pushId: "p", repository: "o/r", job: "j" },
    };
    await one.record([entry]);
    expect(await other.find({ limit: 1 })).toMatchObject([entry]);
    await one.close();
    await other.close();
    const again = createSqliteLedger(file);
    expect(await again.find({ limit: 1 })).toMatchObject([entry]);
    await again.close();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("is no journal, and none is opened as one", async () => {
    const file = newFile();
    await createSqliteJournal(file).close();
    expect(() => createSqliteLedger(file)).toThrow(expect.objectContaining({ code: "ERR_JOURNAL_FAILED" }));
    await writeFile(newFile(), "");
    const damaged = newFile();
    await writeFile(
      damaged,
      "no database at all, and longer than a header of one would be, a hundred bytes or so, and a few more",
    );
    expect(() => createSqliteLedger(damaged)).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_CORRUPT" }),
    );
  });
});

describe("a queue with a ledger", () => {
  const request = (more: Partial<PushRequest> = {}): PushRequest => ({ ...REQUEST, ...more });
  const run = async (
    ledger: PushLedger,
    requests: readonly PushRequest[],
    options: { readonly confirmedTtlMs?: number; readonly respond?: Parameters<typeof setUp>[0] } = {},
  ) => {
    const { registry, executor, clock, warnings, events } = setUp(options.respond);
    const queue = new PushQueue(registry, {
      ...{ ledger: { ...keepOpen(ledger) }, confirmedTtlMs: options.confirmedTtlMs, maxAttempts: 1 },
      runtime: { clock, warn: (text) => warnings.push(text) },
    });
    const reports = [];
    for (const one of requests) reports.push(await runUntil(clock, (await queue.enqueue(one)).done));
    await queue.close();
    return { reports, executor, warnings, events };
  };

  it("records what became of each path at each cache, and for whom", async () => {
    const ledger = createMemoryLedger({ clock: { now: () => 0 } });
    const pull = request({
      ...{ pushId: "pull", commit: "abc", storePaths: [PATH, OTHER] },
      ref: { type: "pull-request", number: 1, head: { repository: "myorg/myrepo", branch: "feature" } },
    });
    await run(ledger, [pull]);
    const found = await ledger.find({ limit: 10 });
    expect(
      found.map(({ cacheId, storePath, outcome, reason }) => [cacheId, storePath, outcome, reason]),
    ).toEqual(
      expect.arrayContaining([
        ["prod-cache", PATH, "denied", "branch-not-allowed"],
        ["prod-cache", OTHER, "denied", "branch-not-allowed"],
        ["dev", PATH, "pushed", undefined],
        ["dev", OTHER, "pushed", undefined],
      ]),
    );
    expect(found).toHaveLength(4);
    expect(found[0]).toMatchObject({
      pushId: "pull",
      commit: "abc",
      repository: "myorg/myrepo",
      ref: pull.ref,
    });
  });

  it("tells what a pull request was denied, which main then pushes", async () => {
    const ledger = createMemoryLedger({ clock: { now: () => 0 } });
    const head = { repository: "myorg/myrepo", branch: "feature" };
    await run(ledger, [request({ ref: { type: "pull-request", number: 1, head } })]);
    const owed = await ledger.owed({ repository: "myorg/myrepo", cacheId: "prod-cache", limit: 10 });
    expect(owed.map(({ storePath }) => storePath)).toEqual([PATH]);
    await run(ledger, [
      request({ storePaths: owed.map(({ storePath }) => storePath), caches: ["prod-cache"] }),
    ]);
    expect(await ledger.owed({ limit: 10 })).toEqual([]);
  });

  it("records what was given up, and nothing of what waits", async () => {
    const ledger = createMemoryLedger({ clock: { now: () => 0 } });
    const respond = { respond: () => ({ exitCode: 1, stderr: "HTTP error 413" }) };
    await run(ledger, [request({ caches: ["dev"] })], { respond });
    expect(await ledger.find({ limit: 10 })).toMatchObject([
      { outcome: "failed", reason: "ERR_PUSH_FAILED" },
    ]);
  });

  it("delivers beside a ledger that does not answer, and closes", async () => {
    const hang = () => new Promise<never>(() => {});
    const silent: PushLedger = { record: hang, find: hang, owed: hang, confirmed: hang, close: hang };
    const { registry, clock } = setUp();
    const queue = new PushQueue(registry, {
      ledger: silent,
      confirmedTtlMs: 1,
      runtime: { clock, warn: () => {} },
    });
    const { done } = await queue.enqueue(request({ caches: ["dev"] }));
    expect((await runUntil(clock, done)).ok).toBe(true);
    await runUntil(clock, queue.close());
  });

  it("delivers beside a ledger that fails, and says so once", async () => {
    const fail = () => Promise.reject(new Error("disk full at canary"));
    const broken: PushLedger = {
      record: fail,
      find: fail,
      owed: fail,
      confirmed: fail,
      close: async () => {},
    };
    const { reports, warnings } = await run(
      broken,
      [request({ caches: ["dev"] }), request({ caches: ["dev"] })],
      { confirmedTtlMs: 1 },
    );
    expect(reports.map(({ ok }) => ok)).toEqual([true, true]);
    expect(warnings.filter((text) => text.includes("ledger"))).toHaveLength(1);
    expect(warnings.join()).not.toContain("canary");
  });
});

describe("what a ledger has as pushed a moment ago", () => {
  const dev = (more: Partial<PushRequest> = {}): PushRequest => ({ ...REQUEST, caches: ["dev"], ...more });
  /** What nix tells of every path that it is asked for. */
  const respond = ({ args }: { readonly args: readonly unknown[] }) => {
    const paths = args.filter((arg) => typeof arg === "string" && arg.startsWith("/nix/store/"));
    const infos = paths.map((path) => [
      path,
      { narHash: "sha256-x", narSize: 1, references: [], valid: true },
    ]);
    return args.includes("path-info") ? { stdout: JSON.stringify(Object.fromEntries(infos)) } : undefined;
  };

  function open(
    options: { readonly toml?: string; readonly ledger?: PushLedger; readonly clock?: FakeClock } = {},
  ) {
    const set = setUp({ respond, verify: "always", toml: options.toml, clock: options.clock });
    const { registry, clock, executor } = set;
    const ledger = options.ledger ?? createMemoryLedger({ clock });
    const runtime = { clock, warn: () => {} };
    const queue = new PushQueue(registry, { ledger: keepOpen(ledger), confirmedTtlMs: 60_000, runtime });
    const push = async (asked: PushRequest) => runUntil(clock, (await queue.enqueue(asked)).done);
    const pushed = () =>
      executor.commands.filter(({ file }) => file === "cachix").map(({ args }) => args.slice(3));
    return { ...set, ledger, push, pushed };
  }

  it("is not pushed again, and is decided on and recorded all the same", async () => {
    const { push, pushed, events } = open();
    const [first, second] = [await push(dev()), await push(dev())];
    expect(pushed()).toEqual([[PATH]]);
    expect(first.results[0]).not.toHaveProperty("knownPaths");
    const known = { status: "pushed", confirmedPaths: [PATH], knownPaths: [PATH], executions: [] };
    expect(second.results).toMatchObject([known]);
    expect(events.filter(({ type }) => type === "permission.decided")).toHaveLength(2);
    await push(dev({ storePaths: [PATH, OTHER] }));
    expect(pushed()).toEqual([[PATH], [OTHER]]);
  });

  it("does not confirm itself: the time runs from when the cache was asked", async () => {
    const { push, pushed, clock } = open();
    for (let round = 0; round < 6; round++) {
      await push(dev());
      clock.advance(25_000);
    }
    expect(pushed()).toEqual([[PATH], [PATH]]);
  });

  it.each([
    ["another destination", TOML.replace("dev-cache", "other-cache")],
    ["another signature", TOML.replace('"dev-cache"', '"dev-cache"\nrequire_signature = "key-1"')],
    ["pins", TOML.replace('"dev-cache"', '"dev-cache"\nafter_push = { pin = "{name}" }')],
  ])("counts for nothing where the cache of this id has %s", async (_what, toml) => {
    const { push, ledger, clock } = open();
    await push(dev());
    const other = open({ toml, ledger, clock });
    const { results } = await other.push(dev());
    expect(results[0]).not.toHaveProperty("knownPaths");
    expect(other.pushed().length).toBeGreaterThan(0);
  });

  it("is of no use to who may not push", async () => {
    const { push } = open();
    await push(dev({ caches: ["prod-cache"] }));
    const { results } = await push(dev({ caches: ["prod-cache"], repository: "stranger/repo" }));
    expect(results).toMatchObject([{ status: "denied" }]);
  });

  it("is nothing where nobody asked the cache", async () => {
    const { registry, clock } = setUp();
    const ledger = createMemoryLedger({ clock });
    const queue = new PushQueue(registry, { ledger: keepOpen(ledger), runtime: { clock } });
    await runUntil(clock, (await queue.enqueue(dev())).done);
    expect((await ledger.find({ limit: 1 }))[0]).toMatchObject({ outcome: "pushed", fingerprint: undefined });
  });
});
