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
import { describePushLedger } from "@eka-ci/caches/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runUntil } from "../support/fake-cache.ts";
import { describeWithSqlite } from "../support/requirement.ts";
import { OTHER, PATH, REQUEST, setUp } from "../support/set-up-registry.ts";

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

  it("runs nothing for what was confirmed a moment ago, and decides and records it all the same", async () => {
    const ledger = createMemoryLedger({ clock: { now: () => Date.parse("2000-01-01") } });
    const first = request({ caches: ["dev"] });
    const { reports, executor, events } = await run(ledger, [first, request({ caches: ["dev"] })], {
      confirmedTtlMs: 60_000,
    });
    expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(1);
    expect(reports.map(({ results }) => results[0])).toMatchObject([
      { status: "pushed", confirmedPaths: [PATH] },
      { status: "pushed", confirmedPaths: [PATH], knownPaths: [PATH], executions: [] },
    ]);
    expect(reports[0]?.results[0]).not.toHaveProperty("knownPaths", [PATH]);
    expect(events.filter(({ type }) => type === "permission.decided")).toHaveLength(2);
    const two = await run(ledger, [request({ caches: ["dev"], storePaths: [PATH, OTHER] })], {
      confirmedTtlMs: 60_000,
    });
    const pushes = two.executor.commands.filter(({ file }) => file === "cachix");
    expect(pushes.map(({ args }) => args.at(-1))).toEqual([OTHER]);
    expect(pushes[0]?.args).not.toContain(PATH);
  });

  it("does not let a denied request profit from what others have pushed", async () => {
    const ledger = createMemoryLedger({ clock: { now: () => Date.parse("2000-01-01") } });
    await run(ledger, [request({ caches: ["prod-cache"] })]);
    const stranger = request({ caches: ["prod-cache"], repository: "stranger/repo" });
    const { reports } = await run(ledger, [stranger], { confirmedTtlMs: 60_000 });
    expect(reports[0]?.results).toMatchObject([{ status: "denied" }]);
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

function keepOpen(ledger: PushLedger): PushLedger {
  return {
    record: (entries) => ledger.record(entries),
    find: (query) => ledger.find(query),
    owed: (query) => ledger.owed(query),
    confirmed: (...asked) => ledger.confirmed(...asked),
    close: async () => {},
  };
}
