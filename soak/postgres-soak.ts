// Four hosts on one PostgreSQL server. Each is killed after a moment; some are stopped beyond their lease and
// go on; the clocks of some are an hour ahead or behind; the server crashes and comes back, its disk fills
// up, and the network between it and some hosts is cut. Meanwhile the batches that are held are counted. In
// the end one host drains. Needs Debian's postgresql, and faketime and root for two of these.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type PostgresServer, startPostgres } from "../test/integration/servers/postgres.ts";
import { startTcpProxy } from "../test/integration/servers/tcp-proxy.ts";
import { createRandom } from "./random.ts";
import { judge, mountDisk, spawnHost } from "./support.ts";

const LEASE_MS = 1_500;
/** As a queue has it by itself. */
const BOUND = 2;
const HOSTS = 4;
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/** Counts the batches that are held, over and over, on a connection of its own. */
async function watchBound(server: PostgresServer, signal: AbortSignal) {
  const seen = { samples: 0, excesses: 0 };
  while (!signal.aborted) {
    const client = new Client({ connectionString: server.url });
    client.on("error", () => undefined);
    try {
      await client.connect();
      while (!signal.aborted) {
        const { rows } = await client.query(
          `SELECT cache_id FROM eka_ci_caches.batch WHERE held_until > clock_timestamp()
            GROUP BY cache_id HAVING count(*) > ${BOUND}`,
        );
        seen.samples++;
        seen.excesses += rows.length;
        await sleep(5);
      }
    } catch {
      // The server is down, or has no tables yet.
      await sleep(100);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return seen;
}

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
  const hasDisk = mountDisk(disk, "320m");
  execFileSync("chmod", ["-R", "755", directory]);
  const log = join(directory, "log");
  writeFileSync(log, "");
  const settings = { min_wal_size: "32MB", max_wal_size: "64MB", max_connections: "200" };
  const server = await startPostgres(settings, hasDisk ? disk : undefined);
  const proxy = await startTcpProxy(server.port);
  const urls = [server.url, server.url.replace(`:${server.port}/`, `:${proxy.port}/`)];
  const counts = { kills: 0, pauses: 0, clocks: 0, crashes: 0, fills: 0, cuts: 0 };
  const problems: string[] = [];
  let hosts = 0;

  const startHost = (more: { readonly isLast?: boolean; readonly deliveries?: number } = {}) => {
    const isMisled = more.isLast !== true && random() < 0.2 && existsSync(FAKETIME);
    if (isMisled) counts.clocks++;
    const faketime = { FAKETIME: random() < 0.5 ? "+1h" : "-1h", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
    return spawnHost(
      {
        journal: { kind: "postgres", url: urls[more.isLast === true ? 0 : hosts % 2] ?? server.url },
        ...{ log, name: `h${hosts++}`, leaseMs: LEASE_MS, seed: Math.floor(random() * 2 ** 31) },
        deliveries: more.deliveries ?? Math.floor(random() * 12),
        ...{ isLast: more.isLast ?? false, clockStepsMs: [] },
      },
      isMisled ? { ...faketime, LD_PRELOAD: FAKETIME } : {},
    );
  };

  /** One life of a host: it starts, works for a moment, may stand still beyond its lease, and is killed. */
  const live = async (): Promise<void> => {
    const { host, ended } = startHost();
    await sleep(400 + random() * 1_200);
    if (random() < 0.1) {
      counts.pauses++;
      host.kill("SIGSTOP");
      await sleep(LEASE_MS * (1.2 + random()));
      host.kill("SIGCONT");
      await sleep(50 + random() * 200);
    }
    host.kill("SIGKILL");
    counts.kills++;
    await ended;
  };

  /** Fills the server's disk: it cannot write its log, stops, and is started again once there is room. */
  const fillDisk = async (): Promise<void> => {
    counts.fills++;
    const ballast = join(disk, "ballast");
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=1M"], { stdio: "ignore" });
    } catch {
      // Full is what it is to be.
    }
    await sleep(1_500);
    rmSync(ballast, { force: true });
    await server.restart();
  };

  const trouble = async (): Promise<void> => {
    const kind = random();
    if (kind < 0.3 && hasDisk) await fillDisk();
    else if (kind < 0.65) {
      counts.crashes++;
      await server.restart();
    } else {
      counts.cuts++;
      proxy.cut();
      await sleep(LEASE_MS * (0.5 + random() * 1.5));
      proxy.heal();
    }
  };

  const startedAt = performance.now();
  const watching = new AbortController();
  const watch = watchBound(server, watching.signal);
  try {
    let next = 20;
    const lane = async (): Promise<void> => {
      while (counts.kills < kills) await live();
    };
    const troubles = async (): Promise<void> => {
      while (counts.kills < kills) {
        await sleep(50);
        if (counts.kills < next) continue;
        next += 20;
        await trouble();
        process.stdout.write(`${counts.kills} kills\n`);
      }
    };
    await Promise.all([...Array.from({ length: HOSTS }, lane), troubles()]);
    const [code] = await startHost({ isLast: true, deliveries: 0 }).ended;
    if (code !== 0) problems.push(`the last host ended with ${code}`);
    watching.abort();
    const { samples, excesses } = await watch;
    if (samples === 0) problems.push("the bound was never looked at");
    process.stdout.write(`${samples} looks at the batches that are held\n`);
    if (!hasDisk) process.stdout.write("the disk was not filled: mounting a small one needs root\n");
    if (!existsSync(FAKETIME)) process.stdout.write("no clock was misled: faketime is not installed\n");
    judge({ log, seed, startedAt, counts, excused: new Set(), problems, excesses });
  } finally {
    watching.abort();
    await watch;
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    if (hasDisk) execFileSync("umount", ["-l", disk]);
    rmSync(directory, { recursive: true, force: true });
  }
}
