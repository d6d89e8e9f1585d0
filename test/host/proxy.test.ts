import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import {
  type AddressInfo,
  connect as connectTo,
  createServer as createNetServer,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createNodeRuntime } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { findProxy } from "../../src/host/proxy.ts";

const { http } = createNodeRuntime();

describe("findProxy", () => {
  const PROXY = "http://proxy:3128";
  it.each<[name: string, url: string, env: Record<string, string>, found: string]>([
    ["nothing said", "https://a.example", {}, "none"],
    ["https_proxy for https", "https://a.example", { https_proxy: PROXY }, PROXY],
    ["HTTPS_PROXY likewise", "https://a.example", { HTTPS_PROXY: PROXY }, PROXY],
    ["lower case first", "https://a.example", { HTTPS_PROXY: "http://other", https_proxy: PROXY }, PROXY],
    ["https_proxy is not for http", "http://a.example", { https_proxy: PROXY }, "none"],
    ["http_proxy for http", "http://a.example", { http_proxy: PROXY }, PROXY],
    ["HTTP_PROXY may come from a request", "http://a.example", { HTTP_PROXY: PROXY }, "none"],
    ["all_proxy for both", "http://a.example", { all_proxy: PROXY }, PROXY],
    ["ALL_PROXY likewise", "https://a.example", { ALL_PROXY: PROXY }, PROXY],
    ["an empty one is none", "https://a.example", { https_proxy: "", all_proxy: PROXY }, PROXY],
    ["no scheme means http", "https://a.example", { https_proxy: "proxy:3128" }, PROXY],
    ["socks", "https://a.example", { all_proxy: "socks5h://proxy:1080" }, "unsupported"],
    ["no text of a URL", "https://a.example", { all_proxy: "http://[" }, "unsupported"],
    ["no_proxy by name", "https://a.example", { https_proxy: PROXY, no_proxy: "b, a.example" }, "none"],
    [
      "no_proxy by a name above",
      "https://x.a.example",
      { https_proxy: PROXY, NO_PROXY: ".a.example" },
      "none",
    ],
    [
      "no_proxy by the end of a name only",
      "https://xa.example",
      { https_proxy: PROXY, no_proxy: "a.example" },
      PROXY,
    ],
    ["no_proxy for all", "https://a.example", { https_proxy: PROXY, no_proxy: "*" }, "none"],
    ["no_proxy by network", "http://10.1.2.3/x", { http_proxy: PROXY, no_proxy: "10.0.0.0/8" }, "none"],
    ["no_proxy by address", "http://[::1]:80/", { http_proxy: PROXY, no_proxy: "[::1]" }, "none"],
    ["another network", "http://11.1.2.3/x", { http_proxy: PROXY, no_proxy: "10.0.0.0/8,::/0,10/99" }, PROXY],
  ])("%s", (_name, url, env, found) => {
    const proxy = findProxy(url, env);
    expect(proxy.type === "http" ? proxy.url : proxy.type).toBe(found);
  });
});

describe("a session with a proxy", () => {
  async function startProxy() {
    const seen: { method: string | undefined; target: string | undefined; login: string | undefined }[] = [];
    const record = ({ method, url, headers }: IncomingMessage) =>
      seen.push({ method, target: url, login: headers["proxy-authorization"] });
    const server = createServer(async (request, response) => {
      record(request);
      const { hostname, port, pathname } = new URL(request.url ?? "");
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
      const answer = await fetch(`http://${hostname}:${port}${pathname}`, {
        method: request.method ?? "GET",
        ...body,
      });
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
    server.on("connect", (request, socket) => {
      record(request);
      const [host = "", port] = (request.url ?? "").split(":");
      const upstream = connectTo(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
      seen,
      url: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  it("asks it for the whole URL, with its login, and gives the login to nobody else", async () => {
    await using cache = await BinaryCacheServer.start();
    await using proxy = await startProxy();
    using session = http.connect?.({ maxConnections: 2, proxy: `http://user:word@${proxy.url}` });
    const bounds = { headers: {}, maxBytes: 1_000 };
    await session?.send({ method: "PUT", url: `${cache.url}/x`, body: "content", ...bounds });
    const answer = await session?.send({ method: "GET", url: `${cache.url}/x`, ...bounds });
    expect(Buffer.from(answer?.body ?? []).toString()).toBe("content");
    expect(proxy.seen.map(({ target }) => target)).toEqual([`${cache.url}/x`, `${cache.url}/x`]);
    expect(proxy.seen[0]?.login).toBe(`Basic ${Buffer.from("user:word").toString("base64")}`);
    expect(cache.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  it("asks it for one tunnel to an https server, and keeps that", async () => {
    await using proxy = await startProxy();
    using session = http.connect?.({ maxConnections: 1, proxy: `http://${proxy.url}` });
    // Nobody speaks TLS there: what matters is that the proxy is asked, and that its answer is not taken for
    // the server's.
    await using cache = await BinaryCacheServer.start();
    const url = cache.url.replace("http:", "https:");
    const failed = session?.send({ method: "GET", url, headers: {}, maxBytes: 1_000 });
    await expect(failed).rejects.toMatchObject({ name: "HttpError" });
    expect(proxy.seen).toMatchObject([{ method: "CONNECT", target: new URL(cache.url).host }]);
  });

  it("asks it in the same form for a large file over a kept connection", async () => {
    await using cache = await BinaryCacheServer.start();
    await using proxy = await startProxy();
    using session = http.connect?.({ maxConnections: 1, proxy: `http://user:word@${proxy.url}` });
    const path = join(mkdtempSync(join(tmpdir(), "eka-ci-proxy-")), "large");
    writeFileSync(path, Buffer.alloc(3_000_000, 7));
    const bounds = { headers: {}, maxBytes: 1_000 };
    await session?.send({ method: "GET", url: `${cache.url}/x`, ...bounds });
    const body = { path, size: 3_000_000 };
    await session?.send({ method: "PUT", url: `${cache.url}/nar/large`, body, ...bounds });
    rmSync(dirname(path), { recursive: true });
    expect(proxy.seen.map(({ target }) => target)).toEqual([`${cache.url}/x`, `${cache.url}/nar/large`]);
    expect(new Set(proxy.seen.map(({ login }) => login)).size).toBe(1);
    expect(cache.objects.get("/nar/large")).toHaveLength(3_000_000);
  });

  it.each(["https", "http"])(
    "is left at once when a request by %s is aborted that it does not answer",
    async (scheme) => {
      const sockets = new Set<Socket>();
      const silent = createNetServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {}).on("close", () => sockets.delete(socket));
        socket.resume();
      });
      silent.listen(0, "127.0.0.1");
      await once(silent, "listening");
      const controller = new AbortController();
      const proxy = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const session = http.connect?.({ maxConnections: 1, proxy });
      const url = `${scheme}://cache.example/x`;
      const sent = session?.send({
        method: "GET",
        url,
        headers: {},
        maxBytes: 10,
        signal: controller.signal,
      });
      setTimeout(() => controller.abort(new Error("enough")), 100);
      await expect(sent).rejects.toThrow("enough");
      session?.[Symbol.dispose]();
      while (sockets.size > 0) await sleep(10);
      silent.close();
    },
  );
});
