import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createCredentialResolver, createNodeRuntime, type HttpRequest } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { trackServers } from "../support/opened-servers.ts";
import { describeWith } from "../support/requirement.ts";
import { startServer } from "./servers/loopback-server.ts";

const { http } = createNodeRuntime();
const servers = trackServers();
const send = (request: Partial<HttpRequest> & { readonly url: string }) =>
  http.send({ method: "GET", headers: {}, maxBytes: 1024, ...request });

describe("the HTTP client of Node.js", () => {
  it("hands over method, headers and body, and hands back status, headers and body", async () => {
    const server = await servers.keep(
      startServer(() => ({ status: 418, headers: { "x-test": "yes" }, body: "tea" })),
    );
    const answer = await send({
      url: `${server.url}/a?b=c`,
      method: "PUT",
      headers: { "x-asked": "1" },
      body: "text",
    });
    expect(answer).toMatchObject({ status: 418, headers: { "x-test": "yes" } });
    expect(new TextDecoder().decode(answer.body)).toBe("tea");
    expect(server.requests).toMatchObject([{ method: "PUT", headers: { "x-asked": "1" }, body: "text" }]);
    expect(server.requests[0]?.url.search).toBe("?b=c");
  });

  it("reads an answer of exactly the limit, and none beyond", async () => {
    const server = await servers.keep(startServer(() => ({ status: 200, body: "x".repeat(1024) })));
    expect((await send({ url: server.url })).body).toHaveLength(1024);
    await expect(send({ url: server.url, maxBytes: 1023 })).rejects.toMatchObject({
      code: "ERR_HTTP_TOO_LARGE",
    });
  });

  it("ends with the signal's reason, before and during the answer", async () => {
    const reason = new Error("stop");
    const server = await servers.keep(
      startServer((_request, response) => {
        response.writeHead(200).write("x");
        return undefined;
      }),
    );
    await expect(send({ url: server.url, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const answer = send({ url: server.url, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(answer).rejects.toBe(reason);
  });

  it("uses no proxy that the environment names", async () => {
    const proxy = await servers.keep(startServer(() => ({ status: 200, body: "from the proxy" })));
    const server = await servers.keep(startServer(() => ({ status: 200, body: "from the server" })));
    const names = ["http_proxy", "HTTP_PROXY", "all_proxy"];
    for (const name of names) process.env[name] = proxy.url;
    try {
      expect(new TextDecoder().decode((await send({ url: server.url })).body)).toBe("from the server");
    } finally {
      for (const name of names) delete process.env[name];
    }
    expect(proxy.requests).toEqual([]);
  });

  it("rejects when the server switches protocols", async () => {
    const server = await servers.keep(
      startServer((_request, response) => {
        response.socket?.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
        return undefined;
      }),
    );
    await expect(send({ url: server.url })).rejects.toMatchObject({ code: "ERR_HTTP_UNREACHABLE" });
  });

  it("rejects with a code for a header that HTTP forbids", async () => {
    const server = await servers.keep(startServer(() => ({ status: 200 })));
    const failure = send({ url: server.url, headers: { "x-token": "canary\r\nx-evil: 1" } });
    await expect(failure).rejects.toMatchObject({ name: "HttpError" });
    await expect(failure).rejects.not.toThrow("canary");
  });
});

describeWith("openssl", "TLS", () => {
  it("trusts a private authority by VAULT_CACERT, and no other", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-tls-"));
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
    await promisify(execFile)("openssl", [
      ...args,
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      key,
      "-out",
      certificate,
    ]);
    const secret = { data: { data: { A_TOKEN: "from-tls" }, metadata: { version: 1 } } };
    const options = { key: await readFile(key), cert: await readFile(certificate) };
    const server = createServer(options, (request, response) => {
      const isMount = request.url?.includes("/ui/mounts/") === true;
      response.writeHead(isMount ? 404 : 200).end(JSON.stringify(isMount ? { errors: [] } : secret));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const resolve = (env: Record<string, string>) =>
      createCredentialResolver({ runtime: { env: { VAULT_TOKEN: "hvs.canary", ...env } } }).resolve({
        type: "vault",
        address,
        secretPath: "secret/data/x",
        tokenEnv: "VAULT_TOKEN",
      });
    try {
      const { env } = await resolve({ VAULT_CACERT: certificate });
      expect(env.get("A_TOKEN")?.expose()).toBe("from-tls");
      await expect(resolve({})).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
      await expect(resolve({ VAULT_SKIP_VERIFY: "true" })).rejects.toMatchObject({
        code: "ERR_CREDENTIAL_UNREACHABLE",
      });
    } finally {
      server.close();
      await rm(directory, { recursive: true });
    }
  });
});
