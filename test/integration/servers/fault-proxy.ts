import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What a proxy does to an exchange. */
export type ExchangeFault =
  | { readonly kind: "answer"; readonly status: number; readonly body?: string }
  /** The connections break when so much of the request's body was passed on. */
  | { readonly kind: "cut-request"; readonly afterBytes: number }
  /** The connection breaks when so much of the answer's body was passed on. */
  | { readonly kind: "cut-answer"; readonly afterBytes: number }
  /** The answer comes in pieces of so many bytes, with pauses. */
  | { readonly kind: "drip"; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "hang" };

/** A request that passes the proxy. */
export interface PassingRequest {
  readonly method: string;
  readonly path: string;
  /** How many requests of this method and path there were, with this one. */
  readonly count: number;
}

/** A proxy between a tool and a server. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Every request, as method and path. */
  readonly seen: string[];
}

/** Starts a proxy before a server; what is chosen for a request happens to it, and every other one passes. */
export async function startFaultProxy(
  target: string,
  choose: (request: PassingRequest) => ExchangeFault | undefined,
): Promise<FaultProxy> {
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    const { method = "GET", url: path = "/" } = incoming;
    seen.push(`${method} ${path}`);
    const count = seen.filter((line) => line === `${method} ${path}`).length;
    void pass(incoming, response, target, choose({ method, path, count })).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function pass(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string,
  fault: ExchangeFault | undefined,
): Promise<void> {
  switch (fault?.kind) {
    case "hang":
      return;
    case "answer":
      incoming.resume();
      await once(incoming, "end");
      response.writeHead(fault.status, { "content-type": "text/plain" }).end(fault.body);
      return;
    case "delay":
      await sleep(fault.ms);
      break;
    default:
  }
  await forward(incoming, response, target, fault);
}

async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string,
  fault: ExchangeFault | undefined,
): Promise<void> {
  const { method, url, headers } = incoming;
  const outgoing = request(new URL(url ?? "/", target), { method, headers });
  outgoing.on("error", () => response.destroy());
  const sending =
    fault?.kind === "cut-request"
      ? pipeline(incoming, cutAfter(fault.afterBytes), outgoing)
      : pipeline(incoming, outgoing);
  sending.catch(() => {
    outgoing.destroy();
    response.socket?.resetAndDestroy();
  });
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  if (fault?.kind === "cut-answer") await pipeline(answer, cutAfter(fault.afterBytes), response);
  else if (fault?.kind === "drip") await pipeline(answer, drip(fault.bytes, fault.everyMs), response);
  else await pipeline(answer, response);
}

function cutAfter(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) done();
      // What was passed on leaves first.
      else setTimeout(() => done(new Error("cut")), 20);
    },
    flush(done) {
      done(new Error("cut"));
    },
  });
}

function drip(bytes: number, everyMs: number): Transform {
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      for (let start = 0; start < chunk.length; start += bytes) {
        await sleep(everyMs);
        this.push(chunk.subarray(start, start + bytes));
      }
      done();
    },
  });
}
