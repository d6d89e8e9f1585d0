import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that somebody else wrote, running as a child process. */
export interface ExternalServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts a program on a free port of the loopback interface, and waits until it answers. */
export async function startExternal(
  file: string,
  toArgs: (port: number) => readonly string[],
  env: Readonly<Record<string, string>> = {},
  prepare: (port: number) => Promise<void> = async () => {},
): Promise<ExternalServer> {
  const port = await findFreePort();
  await prepare(port);
  const child = spawn(file, toArgs(port), { stdio: "ignore", env: { ...process.env, ...env } });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilAnswering(url, child);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** A port of the loopback interface that is free now. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function waitUntilAnswering(url: string, child: ChildProcess): Promise<void> {
  for (let round = 0; round < 300; round++) {
    if (child.exitCode !== null) throw new Error(`The server ended with code ${child.exitCode}`);
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error("The server does not answer");
}
