import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheRegistry } from "@eka-ci/caches";
import { expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeEachNix } from "../support/requirement.ts";

describeEachNix("a cache with a certificate of a private authority", (searchPath) => {
  it("is reached by whichever variable the host has, and not without one", async () => {
    const directory = mkdtempSync(join(tmpdir(), "eka-ci-authority-"));
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
    const files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate];
    execFileSync("openssl", [...args, ...files], { stdio: "ignore" });
    const authorities = join(directory, "authorities");
    mkdirSync(authorities);
    copyFileSync(certificate, join(authorities, "private.pem"));
    const objects = new Map<string, Buffer>();
    const options = { key: readFileSync(key), cert: readFileSync(certificate) };
    const server = createServer(options, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method, url = "" } = request;
        if (method === "PUT") objects.set(url, Buffer.concat(chunks));
        const object = objects.get(url);
        response.writeHead(object === undefined ? 404 : 200).end(object);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    await using store = await PrivateNixStore.create(searchPath);
    const toml = `
      [security]
      allow_private_cache_hosts = true
      [[caches]]
      id = "tls"
      cache_type = "nix-copy"
      destination = "https://127.0.0.1:${(server.address() as AddressInfo).port}"
      credentials = "none"`;
    const push = async (env: Record<string, string>) => {
      objects.clear();
      const registry = CacheRegistry.fromToml(toml, { runtime: { env: { ...store.env, ...env } } });
      const storePaths = [await store.add("tls", "over TLS")];
      const request = { repository: "o/r", job: "j", caches: ["tls"], storePaths };
      return (await registry.push(request)).results[0];
    };
    try {
      for (const env of [
        { NIX_SSL_CERT_FILE: certificate },
        { SSL_CERT_FILE: certificate },
        { SSL_CERT_DIR: authorities },
        { SYSTEM_CERTIFICATE_PATH: authorities },
        { SYSTEM_CERTIFICATE_PATH: certificate },
      ])
        expect(await push(env), JSON.stringify(env)).toMatchObject({ status: "pushed" });
      expect(await push({})).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_FAILED" } });
    } finally {
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true });
    }
  });
});
