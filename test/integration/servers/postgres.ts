import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { findFreePort } from "./external-server.ts";

/** A PostgreSQL of its own, on the loopback. */
export interface PostgresServer extends AsyncDisposable {
  /** Where it is, as `pg` reads it. */
  readonly url: string;
  readonly port: number;
  /** Runs statements as its superuser. */
  run(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Ends it at once, as a crash does, and starts it again. */
  restart(): Promise<void>;
  /** Starts it again as a standby, as after a failover to another one. */
  demote(): Promise<void>;
  /** Makes a primary of it again. */
  promote(): Promise<void>;
  /** Stops it. */
  stop(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
}

const BINARIES = "/usr/lib/postgresql";

/** The directory of the newest PostgreSQL that Debian's package has installed. */
export function findPostgres(): string | undefined {
  if (!existsSync(BINARIES)) return undefined;
  const newest = readdirSync(BINARIES)
    .map(Number)
    .filter(Number.isFinite)
    .sort((one, other) => other - one)[0];
  const directory = `${BINARIES}/${newest}/bin`;
  return existsSync(`${directory}/postgres`) ? directory : undefined;
}

/** PostgreSQL does not run as root, so root lends it an account. */
function asPostgres(file: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [file, args];
  return ["setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", file, ...args]];
}

/**
 * Starts a server in a directory of its own.
 *
 * @param settings - more of its configuration
 * @param parent - where that directory is made
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  parent = tmpdir(),
): Promise<PostgresServer> {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error("PostgreSQL is not installed");
  const directory = mkdtempSync(join(parent, "eka-ci-postgres-"));
  if (process.getuid?.() === 0) {
    const [uid = "", gid = ""] = execFileSync("id", ["-u", "postgres"], { encoding: "utf8" })
      .concat(execFileSync("id", ["-g", "postgres"], { encoding: "utf8" }))
      .split("\n");
    chownSync(directory, Number(uid), Number(gid));
  }
  const data = join(directory, "data");
  const [initFile, initArgs] = asPostgres(`${binaries}/initdb`, [
    ...["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"],
  ]);
  execFileSync(initFile, initArgs, { cwd: directory, stdio: "ignore" });
  const port = await findFreePort();
  const options = { listen_addresses: "127.0.0.1", unix_socket_directories: directory, ...settings };
  let child: ChildProcess;
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const run = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.query(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const start = async (): Promise<void> => {
    const flags = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [file, args] = asPostgres(`${binaries}/postgres`, ["-D", data, "-p", String(port), ...flags]);
    child = spawn(file, args, { cwd: directory, stdio: "ignore" });
    for (let wait = 0; ; wait++) {
      try {
        await run("SELECT 1");
        return;
      } catch (error) {
        if (wait > 200) throw error;
        await sleep(50);
      }
    }
  };
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    process.kill(Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]), name);
    await ended;
  };
  await start();
  return {
    url,
    port,
    run,
    start,
    stop: () => signal("SIGINT"),
    restart: async () => {
      // An immediate shutdown: the server recovers from its log when it starts.
      await signal("SIGQUIT");
      await start();
    },
    demote: async () => {
      await signal("SIGINT");
      writeFileSync(join(data, "standby.signal"), "");
      await start();
    },
    promote: async () => void (await run("SELECT pg_promote()")),
    [Symbol.asyncDispose]: async () => {
      await signal("SIGINT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
