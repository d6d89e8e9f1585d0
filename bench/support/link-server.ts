// A binary cache in memory, HTTP or a bucket, behind a link: each answer takes so long, and bytes come at so
// many a second. It runs as a process of its own, since its work is not what is measured; its parent tells it
// what to be by messages.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** From this size on, only the length of an object is kept. */
const KEPT_BYTES = 1024 * 1024;

const objects = new Map<string, { readonly content: Buffer; readonly size: number }>();
let [delayMs, bytesPerSecond, requests, freeAt] = [0, Number.POSITIVE_INFINITY, 0, 0];

const server = createServer(async (request, response) => {
  const { method = "GET", url = "/" } = request;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= KEPT_BYTES) chunks.push(chunk);
    if (bytesPerSecond === Number.POSITIVE_INFINITY) continue;
    freeAt = Math.max(freeAt, performance.now()) + (chunk.length / bytesPerSecond) * 1_000;
    const waitMs = freeAt - performance.now();
    if (waitMs > 1) await sleep(waitMs);
  }
  requests++;
  if (delayMs > 0) await sleep(delayMs);
  const [key = ""] = url.split("?");
  if (method === "PUT")
    objects.set(key, { content: size <= KEPT_BYTES ? Buffer.concat(chunks) : Buffer.alloc(0), size });
  const found = objects.get(key);
  const isThere = found !== undefined || method === "PUT";
  response.writeHead(isThere ? 200 : 404, {
    "content-length": method === "PUT" ? 0 : (found?.size ?? 0),
    etag: '"x"',
  });
  response.end(method === "GET" ? found?.content : undefined);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

process.on(
  "message",
  (message: { readonly delayMs?: number; readonly bytesPerSecond?: number; readonly clear?: boolean }) => {
    if (message.clear === true) objects.clear();
    delayMs = message.delayMs ?? delayMs;
    bytesPerSecond = message.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    process.send?.({ requests });
    requests = 0;
  },
);
process.on("disconnect", () => process.exit());
process.send?.({ port: (server.address() as AddressInfo).port });
