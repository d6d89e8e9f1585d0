import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "./external-server.ts";

/** A pooler, which hands connections on after each transaction. */
export interface Pgbouncer extends AsyncDisposable {
  readonly port: number;
}

/** Starts PgBouncer in transaction mode before a PostgreSQL on the loopback interface. */
export async function startPgbouncer(serverPort: number): Promise<Pgbouncer> {
  const directory = mkdtempSync(join(tmpdir(), "eka-ci-pgbouncer-"));
  const port = await findFreePort();
  const file = join(directory, "pgbouncer.ini");
  const settings = [
    "[databases]",
    `* = host=127.0.0.1 port=${serverPort}`,
    "[pgbouncer]",
    "pool_mode = transaction",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "auth_type = any",
    "unix_socket_dir =",
    "ignore_startup_parameters = extra_float_digits",
  ];
  // With "any" it logs in to the server under a name that its section gives.
  settings[1] += " user=postgres";
  writeFileSync(file, settings.join("\n"));
  chmodSync(directory, 0o755);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync("chown", ["-R", "postgres", directory]);
  const as = ["--reuid=postgres", "--regid=postgres", "--init-groups", "pgbouncer", "--quiet", file];
  const child = isRoot
    ? spawn("setpriv", as, { stdio: "ignore" })
    : spawn("pgbouncer", ["--quiet", file], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  for (let wait = 0; !(await answers(port)); wait++) {
    if (wait > 100 || child.exitCode !== null) throw new Error("PgBouncer does not start");
    await sleep(50);
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
