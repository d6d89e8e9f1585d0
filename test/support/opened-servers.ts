import { afterEach } from "vitest";
import type { LoopbackServer } from "../integration/servers/loopback-server.ts";

/** The servers of a test, all of which are closed when it ends. */
export interface OpenedServers {
  /** In the order they were opened. */
  readonly all: readonly LoopbackServer[];
  /** Takes a server in charge. */
  keep(server: Promise<LoopbackServer>): Promise<LoopbackServer>;
}

/** Closes the servers that a test opens. */
export function trackServers(): OpenedServers {
  const all: LoopbackServer[] = [];
  afterEach(async () => {
    await Promise.all(all.splice(0).map((server) => server[Symbol.asyncDispose]()));
  });
  return {
    all,
    keep: async (server) => {
      const opened = await server;
      all.push(opened);
      return opened;
    },
  };
}
