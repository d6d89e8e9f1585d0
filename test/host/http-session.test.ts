import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createNodeRuntime, type HttpSession } from "@eka-ci/caches";
import { afterAll, describe, expect, it } from "vitest";
import { loadHttpModules, startExchange } from "../../src/host/node-http-exchange.ts";

const directory = mkdtempSync(join(tmpdir(), "eka-ci-session-"));
afterAll(() => rmSync(directory, { recursive: true }));

const { http } = createNodeRuntime();

function connect(maxConnections = 4): HttpSession {
  const session = http.connect?.({ maxConnections });
  if (session === undefined) throw new Error("Node has sessions");
  return session;
}

async function serve(listener: RequestListener) {
  const sockets: Socket[] = [];
  const server = createServer(listener);
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    server,
    sockets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function makeFile(size: number): { readonly path: string; readonly bytes: Buffer } {
  const path = join(directory, randomBytes(8).toString("hex"));
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}

const GET = { method: "GET", headers: {}, maxBytes: 1_000 };
const PUT = { method: "PUT", headers: {}, maxBytes: 1_000 };

describe("a session", () => {
  it("keeps its connections, and opens no more than it may", async () => {
    await using server = await serve((_request, response) => setTimeout(() => response.end("x"), 20));
    using session = connect(4);
    for (let round = 0; round < 3; round++)
      await Promise.all(Array.from({ length: 12 }, () => session.send({ ...GET, url: server.url })));
    expect(server.sockets).toHaveLength(4);
  });

  it("sends anew, at once, what met a connection that the server had closed", async () => {
    let count = 0;
    const isClosing = (): boolean => ++count % 2 === 0;
    await using server = await serve((request, response) => {
      // As a server does whose time for a kept connection is over when the next request is on its way.
      if (isClosing()) request.socket.destroy();
      else response.end("x");
    });
    using session = connect(1);
    for (let round = 0; round < 6; round++)
      expect((await session.send({ ...GET, url: server.url })).status).toBe(200);
  });

  it("does not send anew what broke on a new connection, or after the answer began", async () => {
    let count = 0;
    await using server = await serve((request) => {
      count++;
      request.socket.destroy();
    });
    using session = connect();
    await expect(session.send({ ...GET, url: server.url })).rejects.toMatchObject({
      ...{ name: "HttpError", code: "ERR_HTTP_UNREACHABLE", systemCode: "ECONNRESET" },
    });
    expect(count).toBe(1);
  });

  it("tells what the system says of a server that is away", async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    using session = connect();
    await expect(session.send({ ...GET, url: server.url })).rejects.toMatchObject({
      systemCode: "ECONNREFUSED",
    });
  });

  it("tells the bytes of a file once, though it is sent anew over another connection", async () => {
    let connections = 0;
    await using server = await serve((request, response) => {
      let read = 0;
      request.on("error", () => {});
      request.on("data", (chunk: Buffer) => {
        read += chunk.length;
        if (connections === 1 && read > 1_000_000) request.socket.destroy();
      });
      request.on("end", () => response.end("x"));
    });
    server.server.on("connection", () => connections++);
    using session = connect(1);
    await session.send({ ...GET, url: server.url });
    const { path } = makeFile(3_000_000);
    let told = 0;
    const onUploaded = (bytes: number): void => {
      told += bytes;
    };
    await session.send({ ...PUT, url: server.url, body: { path, size: 3_000_000 }, onUploaded });
    expect(connections).toBe(2);
    expect(told).toBe(3_000_000);
  });

  it("does not send anew what was never answered on a kept connection", async () => {
    await using server = await serve((request, response) => {
      if (request.method === "GET") response.end("x");
    });
    const modules = await loadHttpModules();
    const agent = new modules.plain.Agent({ keepAlive: true, maxSockets: 1 });
    const send = (method: string) =>
      startExchange({ method, url: server.url, headers: {}, maxBytes: 10 }, modules, () => agent, {
        idleMs: 200,
      });
    await send("GET").answer;
    const hanging = send("POST");
    await expect(hanging.answer).rejects.toMatchObject({ systemCode: "ETIMEDOUT" });
    expect(hanging.wasStale()).toBe(false);
    agent.destroy();
  });

  it.each([0, 1, 70_000, 1_048_576, 5_000_000])("streams a file of %i bytes", async (size) => {
    let seen: Buffer | undefined;
    let length: string | undefined;
    await using server = await serve(async (request, response) => {
      length = request.headers["content-length"];
      seen = await readAll(request);
      response.writeHead(201).end();
    });
    using session = connect();
    const { path, bytes } = makeFile(size);
    const body = { path, size };
    expect((await session.send({ ...PUT, url: server.url, body })).status).toBe(201);
    expect(length).toBe(String(size));
    expect(seen?.equals(bytes)).toBe(true);
  });

  it("streams a part of a file", async () => {
    let seen: Buffer | undefined;
    await using server = await serve(async (request, response) => {
      seen = await readAll(request);
      response.end();
    });
    using session = connect();
    const { path, bytes } = makeFile(100_000);
    await session.send({ ...PUT, url: server.url, body: { path, start: 5_000, size: 20_000 } });
    expect(seen?.equals(bytes.subarray(5_000, 25_000))).toBe(true);
  });

  it("hears a server that answers before it has read a large body", async () => {
    let read = 0;
    await using server = await serve((request, response) => {
      request.on("data", (chunk: Buffer) => (read += chunk.length));
      response.writeHead(413).end("too large");
    });
    // Node would ask for the body by itself.
    server.server.on("checkContinue", (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(413).end("too large"),
    );
    using session = connect();
    const { path } = makeFile(20_000_000);
    const response = await session.send({ ...PUT, url: server.url, body: { path, size: 20_000_000 } });
    expect(response.status).toBe(413);
    expect(read).toBe(0);
    expect((await session.send({ ...GET, url: server.url })).status).toBe(413);
  });

  it("sends a large body also to a server that does not say that it wants it", async () => {
    let seen = 0;
    await using server = await serve(() => {});
    server.server.on("checkContinue", async (request: IncomingMessage, response: ServerResponse) => {
      seen = (await readAll(request)).length;
      response.end();
    });
    using session = connect();
    const { path } = makeFile(2_000_000);
    await session.send({ ...PUT, url: server.url, body: { path, size: 2_000_000 } });
    expect(seen).toBe(2_000_000);
  });

  it("does not take an early success for one: the server cannot have what it was not sent", async () => {
    await using server = await serve((_request, response) => response.writeHead(200).end());
    server.server.on("checkContinue", (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(200).end(),
    );
    using session = connect();
    const { path } = makeFile(3_000_000);
    const sending = session.send({ ...PUT, url: server.url, body: { path, size: 3_000_000 } });
    await expect(sending).rejects.toMatchObject({ code: "ERR_HTTP_UNREACHABLE" });
  });

  it("sends a large body unasked where the server refuses the question", async () => {
    let [seen, asked] = [0, 0];
    await using server = await serve(async (request, response) => {
      seen += (await readAll(request)).length;
      response.writeHead(201).end();
    });
    server.server.on("checkContinue", (_request: IncomingMessage, response: ServerResponse) => {
      asked++;
      response.writeHead(417).end();
    });
    using session = connect();
    const { path } = makeFile(2_000_000);
    for (let round = 0; round < 2; round++) {
      const body = { path, size: 2_000_000 };
      expect((await session.send({ ...PUT, url: server.url, body })).status).toBe(201);
    }
    expect([seen, asked]).toEqual([4_000_000, 1]);
  });

  it("sends nothing after it was disposed", async () => {
    await using server = await serve((_request, response) => response.end());
    const session = connect();
    session[Symbol.dispose]();
    await expect(session.send({ ...GET, url: server.url })).rejects.toMatchObject({
      code: "ERR_HTTP_INVALID",
    });
    expect(server.sockets).toEqual([]);
  });

  it("ends when it is aborted, with a file on its way too", async () => {
    await using server = await serve((request) => void request.once("data", () => request.pause()));
    using session = connect();
    const controller = new AbortController();
    const { path } = makeFile(30_000_000);
    const body = { path, size: 30_000_000 };
    const sending = session.send({ ...PUT, url: server.url, body, signal: controller.signal });
    await sleep(100);
    controller.abort(new Error("enough"));
    await expect(sending).rejects.toThrow("enough");
  });

  it("says that a file cannot be read", async () => {
    await using server = await serve((_request, response) => response.end());
    using session = connect();
    const body = { path: join(directory, "nothing"), size: 3 };
    await expect(session.send({ ...PUT, url: server.url, body })).rejects.toMatchObject({
      code: "ERR_HTTP_INVALID",
    });
  });
});
