import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as a test server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a test server answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A server on the loopback interface that remembers its requests. */
export interface LoopbackServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly requests: SeenRequest[];
}

/** Starts a server; a handler returns an answer, or takes the response over and returns nothing. */
export async function startServer(
  handle: (
    request: SeenRequest,
    response: ServerResponse,
  ) => Answer | undefined | Promise<Answer | undefined>,
): Promise<LoopbackServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", async () => {
      const { method = "GET", url = "/", headers } = incoming;
      const seen = {
        method,
        url: new URL(url, "http://loopback"),
        headers,
        body: Buffer.concat(chunks).toString(),
      };
      requests.push(seen);
      const answer = await handle(seen, response);
      if (answer === undefined) return;
      const body =
        typeof answer.body === "string" || answer.body === undefined
          ? answer.body
          : JSON.stringify(answer.body);
      response.writeHead(answer.status, { ...answer.headers }).end(body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
