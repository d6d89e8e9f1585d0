import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createSqliteJournal, type Delivery, type JournalSalvage, type PushJournal } from "@eka-ci/caches";
import { afterAll, expect, it } from "vitest";
import { deliveryOf } from "../support/fake-cache.ts";
import { describeWithSqlite, hasSqlite } from "../support/requirement.ts";

const directory = mkdtempSync(join(tmpdir(), "eka-ci-salvage-"));
afterAll(() => rmSync(directory, { recursive: true }));

const PAGE = 4_096;
const COUNT = 400;

let files = 0;
const newFile = (): string => join(directory, `${files++}.sqlite`);

const delivery = (name: string): Delivery => deliveryOf(name, "x".repeat(900));

interface Database {
  exec(sql: string): void;
  close(): void;
  prepare(sql: string): {
    get(...values: readonly unknown[]): unknown;
    run(...values: readonly unknown[]): unknown;
  };
}
const openRaw = (path: string): Database => {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite") as unknown as {
    DatabaseSync: new (path: string) => Database;
  };
  return new DatabaseSync(path);
};

/** Overwrites pages of a file. */
function overwrite(path: string, from: number, pages: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, from * PAGE, (from + pages) * PAGE);
  writeFileSync(path, bytes);
}

/** The page on which a table or an index begins. */
function rootOf(path: string, name: string): number {
  const database = openRaw(path);
  const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?").get(name) as {
    rootpage: number;
  };
  database.close();
  return rootpage - 1;
}

async function makeJournal(count = COUNT): Promise<string> {
  const path = newFile();
  const journal = createSqliteJournal(path);
  await journal.accept(Array.from({ length: count }, (_delivery, index) => delivery(String(index))));
  await journal.close();
  return path;
}

/** A journal with some pages overwritten in the middle of its file. */
async function makeDamaged(pages: number): Promise<string> {
  const path = await makeJournal();
  overwrite(path, Math.floor(readFileSync(path).length / PAGE / 2), pages);
  return path;
}

/** A file of version 0.1, with many deliveries. */
function makeOld(): string {
  const path = newFile();
  writeFileSync(path, readFileSync(new URL("../fixtures/journal/version-0.1.sqlite", import.meta.url)));
  const database = openRaw(path);
  const insert = database.prepare(
    "INSERT INTO delivery (id, ticket_id, cache_id, request, accepted_at) VALUES (?, ?, 'a', ?, 1)",
  );
  const request = { repository: "o/r", ref: null, job: "j", storePaths: [`/nix/store/${"0".repeat(32)}-a`] };
  for (let index = 0; index < COUNT; index++) insert.run(`old-${index}`, "t", JSON.stringify(request));
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  return path;
}

function openSalvaged(path: string): { readonly journal: PushJournal; readonly salvages: JournalSalvage[] } {
  const salvages: JournalSalvage[] = [];
  return { journal: createSqliteJournal(path, { onSalvage: (one) => salvages.push(one) }), salvages };
}

if (!hasSqlite)
  it("a Node.js without SQLite leaves a file as it is, damaged or not", () => {
    const path = newFile();
    writeFileSync(path, "damaged");
    expect(() => createSqliteJournal(path)).toThrow(
      expect.objectContaining({ code: "ERR_JOURNAL_UNAVAILABLE" }),
    );
    expect(readFileSync(path, "utf8")).toBe("damaged");
  });

describeWithSqlite("a damaged journal", () => {
  it("is salvaged row by row into a new file, with a report of what was lost", async () => {
    const path = await makeDamaged(3);
    const { journal, salvages } = openSalvaged(path);
    const { damagedFile, kept, lost } = salvages[0] ?? { damagedFile: "", kept: 0, lost: 0 };
    expect(damagedFile).toBe(`${path}.damaged`);
    expect(readdirSync(directory)).toContain(`${basename(path)}.damaged`);
    expect(kept).toBeGreaterThan(COUNT - 40);
    expect(kept + lost).toBeGreaterThanOrEqual(COUNT - 3);
    const [stats] = await journal.stats();
    expect(stats?.waiting).toBe(kept);
    await journal.accept([delivery("after")]);
    await journal.close();
    const again = openSalvaged(path);
    expect(again.salvages).toEqual([]);
    await again.journal.close();
  });

  it("loses nothing where an index alone is damaged", async () => {
    const path = await makeJournal();
    overwrite(path, rootOf(path, "waiting"), 1);
    const { journal, salvages } = openSalvaged(path);
    expect(salvages).toMatchObject([{ kept: COUNT, lost: 0 }]);
    await journal.close();
  });

  it("of version 0.1 is salvaged and brought up to date", async () => {
    const path = makeOld();
    overwrite(path, rootOf(path, "waiting"), 1);
    const { journal, salvages } = openSalvaged(path);
    expect(salvages).toMatchObject([{ kept: COUNT + 6, lost: 0 }]);
    expect(await journal.stats()).toMatchObject([{ cacheId: "a", waiting: COUNT + 5, dead: 1 }]);
    await journal.close();
  });

  it("keeps every damaged file, also of earlier times", async () => {
    const path = await makeDamaged(1);
    await openSalvaged(path).journal.close();
    const first = readFileSync(`${path}.damaged`);
    overwrite(path, Math.floor(readFileSync(path).length / PAGE / 2), 1);
    const { journal, salvages } = openSalvaged(path);
    expect(salvages).toMatchObject([{ damagedFile: `${path}.damaged-2` }]);
    expect(readFileSync(`${path}.damaged`).equals(first)).toBe(true);
    await journal.close();
  });

  it("is not salvaged while a host still has it open, which loses nothing", async () => {
    const path = await makeJournal(20);
    const live = createSqliteJournal(path);
    await live.accept([delivery("live")]);
    const reader = openRaw(path);
    reader.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    reader.close();
    const page = rootOf(path, "settled");
    overwrite(path, page, 1);
    expect(() => openSalvaged(path)).toThrow(
      expect.objectContaining({
        code: "ERR_JOURNAL_CORRUPT",
        message: expect.stringContaining("stop every host"),
      }),
    );
    expect(readdirSync(directory).filter((name) => name.startsWith(`${basename(path)}.`))).not.toContain(
      `${basename(path)}.damaged`,
    );
    await live.close();
    const { journal, salvages } = openSalvaged(path);
    expect(salvages).toMatchObject([{ kept: 21, lost: 0 }]);
    await journal.close();
  }, 30_000);

  it("is salvaged though a salvage was killed before", async () => {
    const path = await makeDamaged(1);
    writeFileSync(`${path}.salvaged`, "half a file");
    const { journal, salvages } = openSalvaged(path);
    expect(salvages).toHaveLength(1);
    expect(readdirSync(directory)).not.toContain(`${basename(path)}.salvaged`);
    await journal.close();
  });

  it("warns where nobody listens", async () => {
    const path = await makeDamaged(1);
    const warnings: string[] = [];
    await createSqliteJournal(path, { runtime: { warn: (text) => warnings.push(text) } }).close();
    expect(warnings.join()).toMatch(/damaged: \d+ deliveries were kept/u);
  });

  it("is refused and left as it is where nothing can be read", async () => {
    const noDatabase = newFile();
    writeFileSync(noDatabase, Buffer.alloc(10 * PAGE, "no database "));
    const rowless = await makeJournal();
    overwrite(rowless, rootOf(rowless, "delivery"), 1);
    for (const path of [noDatabase, rowless]) {
      const before = readFileSync(path);
      expect(() => createSqliteJournal(path)).toThrow(
        expect.objectContaining({ code: "ERR_JOURNAL_CORRUPT" }),
      );
      expect(readFileSync(path).subarray(PAGE).equals(before.subarray(PAGE)), path).toBe(true);
      expect(readdirSync(directory)).not.toContain(`${basename(path)}.damaged`);
    }
  });
});
