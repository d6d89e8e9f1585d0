import type { ServerResponse } from "node:http";
import { type LoopbackServer, startServer } from "./loopback-server.ts";

/** Ways in which a server can misbehave. */
export type Fault = "drips" | "closes" | "redirects" | "html" | "huge" | "silent" | "truncates" | "teapot";

/** Every fault. */
export const FAULTS: readonly Fault[] = [
  "drips",
  "closes",
  "redirects",
  "html",
  "huge",
  "silent",
  "truncates",
  "teapot",
];

const HUGE_BYTES = 64 * 1024 * 1024;

/**
 * A server that misbehaves in one way: it drips a byte a second, closes early, redirects to another host,
 * answers 200 with HTML, answers 64 MiB, promises more than it sends, says a status that nobody expects, or
 * never answers.
 */
export function startFaultServer(fault: Fault, elsewhere: string): Promise<LoopbackServer> {
  return startServer((_request, response) => {
    switch (fault) {
      case "drips":
        drip(response);
        return undefined;
      case "closes":
        response.destroy();
        return undefined;
      case "redirects":
        return { status: 302, headers: { location: elsewhere } };
      case "html":
        return {
          status: 200,
          headers: { "content-type": "text/html" },
          body: "<html>canary-4f1d9c please sign in</html>",
        };
      case "huge":
        flood(response);
        return undefined;
      case "truncates":
        response.writeHead(200, { "content-length": "1000" }).write('{"canary-4f1d9c');
        setTimeout(() => response.destroy(), 20).unref();
        return undefined;
      case "teapot":
        return { status: 418, body: "canary-4f1d9c" };
      case "silent":
        return undefined;
    }
  });
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).write("{");
  const timer = setInterval(() => response.write(" "), 1000);
  response.on("close", () => clearInterval(timer));
}

function flood(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  const chunk = Buffer.alloc(1024 * 1024, "x");
  let left = HUGE_BYTES;
  const write = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) {
        response.once("drain", write);
        return;
      }
    }
    response.end();
  };
  write();
}
