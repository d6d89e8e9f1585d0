// Two hosts at a time share one journal in a file; each is killed after a moment, some are stopped beyond
// their lease and go on, the wall clock of some jumps, the disk fills up, and the file is damaged. In the end
// one host drains. Needs a Node.js with node:sqlite: this one, or $EKA_CI_NODE_WITH_SQLITE.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.ts";
import { findNode, judge, mountDisk, spawnHost } from "./support.ts";

const LEASE_MS = 400;

export async function soak({
  kills,
  seed,
}: {
  readonly kills: number;
  readonly seed: number;
}): Promise<void> {
  const random = createRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), "eka-ci-soak-"));
  const disk = join(directory, "disk");
  mkdirSync(disk);
  const hasDisk = mountDisk(disk, "24m");
  const log = join(directory, "log");
  writeFileSync(log, "");
  const journal = join(disk, "journal.sqlite");
  const ballast = join(disk, "ballast");
  const counts = { kills: 0, pauses: 0, steps: 0, fills: 0, damages: 0 };
  let hosts = 0;

  function startHost(more: { readonly isLast?: boolean; readonly deliveries?: number } = {}) {
    const name = `h${hosts++}`;
    const isStepped = random() < 0.2;
    if (isStepped) counts.steps++;
    return spawnHost({
      ...{
        journal: { kind: "sqlite" as const, path: journal },
        log,
        name,
        leaseMs: LEASE_MS,
        seed: Math.floor(random() * 2 ** 31),
      },
      deliveries: more.deliveries ?? Math.floor(random() * 12),
      isLast: more.isLast ?? false,
      clockStepsMs: isStepped ? [-3_600_000, 315_360_000_000, -315_000_000_000] : [],
    });
  }

  /** One life of a host: it starts, works for a moment, may stand still beyond its lease, and is killed. */
  async function live(): Promise<void> {
    const { host, ended } = startHost();
    await sleep(120 + random() * 350);
    if (random() < 0.08) {
      counts.pauses++;
      host.kill("SIGSTOP");
      await sleep(LEASE_MS * (1.2 + random()));
      host.kill("SIGCONT");
      await sleep(30 + random() * 60);
    }
    host.kill("SIGKILL");
    counts.kills++;
    await ended;
  }

  /** Fills the disk for a while. */
  async function fillDisk(): Promise<void> {
    if (!hasDisk) return;
    counts.fills++;
    try {
      writeFileSync(ballast, Buffer.alloc(24 * 1024 * 1024));
    } catch {
      // Full is what it is to be.
    }
    await live();
    rmSync(ballast, { force: true });
  }

  /** The ids that a journal holds, by another program than ours. */
  function listIds(): ReadonlySet<string> {
    const script = `
    const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(process.argv[1]);
    for (const { id } of database.prepare("SELECT id FROM delivery WHERE settled_at IS NULL OR is_told = 0").all()) console.log(id);`;
    const output = execFileSync(findNode(), ["--no-warnings", "-e", script, journal], { encoding: "utf8" });
    return new Set(output.split("\n").filter((line) => line !== ""));
  }

  /**
   * What a damage may have cost: the ids that were there before and are not after, which the report has to
   * cover.
   */
  const excused = new Set<string>();
  const problems: string[] = [];

  async function damage(): Promise<void> {
    if (!existsSync(journal)) return;
    const before = listIds();
    const { size } = statSync(journal);
    if (size < 20 * 4096) return;
    counts.damages++;
    for (const suffix of ["-wal", "-shm"]) rmSync(`${journal}${suffix}`, { force: true });
    const file = await open(journal, "r+");
    const page = 2 + Math.floor(random() * (size / 4096 - 2));
    await file.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
    await file.close();
    const from = readFileSync(log, "utf8").length;
    const { host, ended, name } = startHost({ deliveries: 0 });
    for (let waits = 0; waits < 300 && !readFileSync(log, "utf8").includes(`opened ${name}\n`); waits++)
      await sleep(100);
    await sleep(random() * 300);
    host.kill("SIGKILL");
    await ended;
    rmSync(`${journal}.damaged`, { force: true });
    const text = readFileSync(log, "utf8").slice(from);
    const [, lost = "0"] = /^salvaged \d+ (\d+)$/mu.exec(text) ?? [];
    const told = new Set([...text.matchAll(/^told (\S+) /gmu)].map(([, id]) => id));
    const after = listIds();
    const missing = [...before].filter((id) => !after.has(id) && !told.has(id));
    for (const id of missing) excused.add(id);
    // A row may be read as two, or an index page be hit; what is gone has to be told all the same.
    if (missing.length > Number(lost))
      problems.push(`damage ${counts.damages}: ${missing.length} missing, ${lost} reported`);
  }

  const startedAt = performance.now();
  try {
    for (let round = 0; counts.kills < kills; round++) {
      if (round % 25 === 24) await fillDisk();
      else if (round % 40 === 39) await damage();
      else await Promise.all([live(), live()]);
      if (round % 20 === 0) process.stdout.write(`${counts.kills} kills\n`);
    }
    const { ended } = startHost({ isLast: true, deliveries: 0 });
    const [code] = await ended;
    if (code !== 0) problems.push(`the last host ended with ${code}`);
    if (!hasDisk) process.stdout.write("the disk was not filled: mounting a small one needs root\n");
    judge({ log, seed, startedAt, counts, excused, problems });
  } finally {
    if (hasDisk) execFileSync("umount", ["-l", disk]);
    rmSync(directory, { recursive: true, force: true });
  }
}
