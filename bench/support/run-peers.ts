import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../test/integration/servers/external-server.ts";
import type { Score } from "./scoreboard.ts";

const PEERS = ["pg-boss@12.38.0", "bullmq@6.7.0", "ioredis@5"];

/** Measures queue libraries of others; nothing on a Node.js that is too old for them. */
export async function runPeers(postgresUrl: string): Promise<readonly Score[]> {
  const node = process.env["EKA_CI_NODE_WITH_SQLITE"] ?? process.execPath;
  const version = execFileSync(node, ["--version"], { encoding: "utf8" });
  if (Number(version.slice(1).split(".")[0]) < 22) return [];
  const directory = mkdtempSync(join(tmpdir(), "eka-ci-peers-"));
  try {
    execFileSync("npm", ["install", "--prefix", directory, "--no-audit", "--no-fund", ...PEERS], {
      stdio: "ignore",
    });
    await using redis = await startRedis(directory);
    const script = fileURLToPath(new URL("peer-engines.mjs", import.meta.url));
    const port = redis === undefined ? "" : String(redis.port);
    const output = execFileSync(node, [script, directory, postgresUrl, port], { encoding: "utf8" });
    return output
      .trim()
      .split("\n")
      .map((line): Score => JSON.parse(line));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A Redis that writes each command to disk, as PostgreSQL does; nothing where it is not installed. */
async function startRedis(
  directory: string,
): Promise<(AsyncDisposable & { readonly port: number }) | undefined> {
  const port = await findFreePort();
  const settings = ["--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always"];
  const child = spawn("redis-server", ["--port", String(port), "--dir", directory, ...settings], {
    stdio: "ignore",
  });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  for (let wait = 0; !(await answers(port)); wait++) {
    if (wait > 100 || child.pid === undefined) return undefined;
    await sleep(50);
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
