import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * A proxy between a host and a server that speaks over TCP, which can be cut as a network is: packets are
 * lost, and nobody is told.
 */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Passes nothing on any more, and keeps every connection open. */
  cut(): void;
  /** Passes on again; what was sent meanwhile is lost with its connections. */
  heal(): void;
}

/** Starts a proxy before a port of the loopback interface. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  const server = createServer((incoming) => {
    const outgoing = connect(targetPort, "127.0.0.1");
    const pair = [incoming, outgoing] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [outgoing, incoming] as const]) {
      from.on("data", (chunk) => {
        if (!isCut) to.write(chunk);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        pairs.delete(pair);
        if (!isCut) to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = (): void => {
    for (const [incoming, outgoing] of pairs) {
      incoming.destroy();
      outgoing.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
    },
    heal: () => {
      isCut = false;
      end();
    },
    [Symbol.asyncDispose]: async () => {
      end();
      server.close();
    },
  };
}
