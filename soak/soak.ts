// Kills, pauses, steps, fills and damages until nothing is left to break: `npm run soak [-- --kills 1000 --seed 7]`. Two hosts at a time
// share one journal; each is killed after a moment, some are stopped beyond their lease and go on, the wall clock of some jumps, the disk
// fills up, and the file is damaged. In the end one host drains. Prints `lost 0, settled twice 0, untold 0`, and the seed that repeats
// the plan; exits with 1 otherwise. Needs a Node.js with node:sqlite: this one, or $EKA_CI_NODE_WITH_SQLITE.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "1000" }, seed: { type: "string" } },
});
const kills = Number(values.kills);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const node =
  process.getBuiltinModule("node:sqlite") === undefined
    ? process.env["EKA_CI_NODE_WITH_SQLITE"]
    : process.execPath;
if (node === undefined)
  throw new Error(
    "node:sqlite is needed: run with Node.js 22.13 or newer, or name one by EKA_CI_NODE_WITH_SQLITE",
  );
const HOST = fileURLToPath(new URL("host.ts", import.meta.url));
const LEASE_MS = 400;

let state = seed >>> 0;
/** A random number from 0 to below 1: mulberry32. */
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

const directory = mkdtempSync(join(tmpdir(), "eka-ci-soak-"));
const disk = join(directory, "disk");
mkdirSync(disk);
/** A small disk of its own, where the system lets us have one. */
function mountDisk(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const hasDisk = mountDisk();
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
  const plan = {
    ...{ journal, log, name, leaseMs: LEASE_MS, seed: Math.floor(random() * 2 ** 31) },
    deliveries: more.deliveries ?? Math.floor(random() * 12),
    isLast: more.isLast ?? false,
    clockStepsMs: isStepped ? [-3_600_000, 315_360_000_000, -315_000_000_000] : [],
  };
  const host = spawn(node ?? "", ["--no-warnings", HOST, JSON.stringify(plan)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return { host, ended: once(host, "close"), name };
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
  const output = execFileSync(node ?? "", ["--no-warnings", "-e", script, journal], { encoding: "utf8" });
  return new Set(output.split("\n").filter((line) => line !== ""));
}

/** What a damage may have cost: the ids that were there before and are not after, which the report has to cover. */
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
  judge();
} finally {
  if (hasDisk) execFileSync("umount", ["-l", disk]);
  rmSync(directory, { recursive: true, force: true });
}

function judge(): void {
  const lines = readFileSync(log, "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const pick = (word: string) => lines.filter(([first]) => first === word);
  const accepted = new Map(pick("accepted").map(([, id = "", path = ""]) => [id, path]));
  const brought = new Set(pick("brought").map(([, cache, path]) => `${cache} ${path}`));
  const buried = new Set(pick("buried").map(([, id = ""]) => id));
  const ends = new Map<string, Set<string>>();
  for (const [, id = "", status = ""] of pick("told")) ends.set(id, (ends.get(id) ?? new Set()).add(status));
  const ids = [...accepted.keys()].filter((id) => !excused.has(id));
  const isThere = (id: string): boolean => brought.has(`${id.split("/")[1]} ${accepted.get(id)}`);
  const lost = ids.filter((id) => !isThere(id) && !buried.has(id));
  const twice = ids.filter((id) => (ends.get(id)?.size ?? 0) > 1);
  const untold = ids.filter((id) => !ends.has(id));
  const untrue = ids.filter((id) => ends.get(id)?.has("pushed") === true && !isThere(id));
  const open = Number(pick("drained")[0]?.[1] ?? -1);
  if (open !== 0) problems.push(`${open} deliveries were left after draining`);
  if (untrue.length > 0) problems.push(`${untrue.length} were told as pushed and are not there`);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const did = Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
  process.stdout.write(
    `${did}; ${accepted.size} deliveries accepted, ${buried.size} buried, ${excused.size} lost to damage and reported, in ${seconds} s\n`,
  );
  if (!hasDisk) process.stdout.write("the disk was not filled: mounting a small one needs root\n");
  for (const problem of problems) process.stdout.write(`problem: ${problem}\n`);
  process.stdout.write(
    `lost ${lost.length}, settled twice ${twice.length}, untold ${untold.length} (seed ${seed})\n`,
  );
  for (const id of [...lost, ...twice, ...untold].slice(0, 20))
    process.stdout.write(`  ${id} ${[...(ends.get(id) ?? [])].join()}\n`);
  if (lost.length + twice.length + untold.length + problems.length > 0) process.exitCode = 1;
}
