// What both soaks share: hosts, and the judgement over what they wrote.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { HostPlan } from "./host.ts";

/** A Node.js that runs TypeScript and has node:sqlite. */
export function findNode(): string {
  const node =
    process.getBuiltinModule("node:sqlite") === undefined
      ? process.env["EKA_CI_NODE_WITH_SQLITE"]
      : process.execPath;
  if (node !== undefined) return node;
  throw new Error(
    "node:sqlite is needed: run with Node.js 22.18 or newer, or name one by EKA_CI_NODE_WITH_SQLITE",
  );
}

const HOST = fileURLToPath(new URL("host.ts", import.meta.url));

/** Starts a host. */
export function spawnHost(plan: HostPlan, env: Readonly<Record<string, string>> = {}) {
  const host = spawn(findNode(), ["--no-warnings", HOST, JSON.stringify(plan)], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  return { host, ended: once(host, "close"), name: plan.name };
}

/** Mounts a small disk of its own, where the system lets us have one. @returns whether it did */
export function mountDisk(disk: string, size: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What a soak is judged by. */
export interface Evidence {
  /** The file that the hosts wrote. */
  readonly log: string;
  readonly seed: number;
  readonly startedAt: number;
  /** What was done to the hosts. */
  readonly counts: Readonly<Record<string, number>>;
  /** Ids that were lost to damage, and reported as such. */
  readonly excused: ReadonlySet<string>;
  readonly problems: string[];
  /** How often more batches of a cache were held than may be; absent where it was not watched. */
  readonly excesses?: number | undefined;
}

/** Reads what the hosts wrote, prints the sums, and lets the process exit with 1 if anything is wrong. */
export function judge({ log, seed, startedAt, counts, excused, problems, excesses }: Evidence): void {
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
  for (const problem of problems) process.stdout.write(`problem: ${problem}\n`);
  const bound = excesses === undefined ? "" : `, bound exceeded ${excesses}`;
  process.stdout.write(
    `lost ${lost.length}, settled twice ${twice.length}, untold ${untold.length}${bound} (seed ${seed})\n`,
  );
  for (const id of [...lost, ...twice, ...untold].slice(0, 20))
    process.stdout.write(`  ${id} ${[...(ends.get(id) ?? [])].join()}\n`);
  const wrong = lost.length + twice.length + untold.length + problems.length + (excesses ?? 0);
  if (wrong > 0) process.exitCode = 1;
}
