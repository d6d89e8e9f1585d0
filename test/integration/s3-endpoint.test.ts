import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { CacheRegistry } from "@eka-ci/caches";
import { expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeWith, newerNix } from "../support/requirement.ts";

/** Takes whatever comes, and answers nothing. */
async function listen() {
  const seen: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      seen.push(bytes);
      socket.destroy();
    });
  }).listen(0, "localhost");
  await once(server, "listening");
  return { seen, port: (server.address() as AddressInfo).port, server };
}

const KEYS = {
  AWS_ACCESS_KEY_ID: "AKIACANARYS300000001",
  AWS_SECRET_ACCESS_KEY: "canary-s3-secret",
  AWS_SESSION_TOKEN: "canary-s3-session",
};

describeWith("newer-nix", "an S3 endpoint of a name and a port", () => {
  const path = `${newerNix}:${process.env["PATH"]}`;

  it("is asked by TLS alone, and nothing of the credentials leaves in the open", async () => {
    await using store = await PrivateNixStore.create(path);
    const { seen, port, server } = await listen();
    const toml = `
      [security]
      allow_private_cache_hosts = true
      [[caches]]
      id = "s3"
      cache_type = "nix-copy"
      destination = "s3://bucket?endpoint=localhost:${port}&scheme=https&region=us-east-1"
      credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] } }`;
    const registry = CacheRegistry.fromToml(toml, { runtime: { env: { ...store.env, ...KEYS } } });
    const storePaths = [await store.add("s3", "by TLS alone")];
    const { results } = await registry.push({ repository: "o/r", job: "j", caches: ["s3"], storePaths });
    server.close();
    expect(results[0]).toMatchObject({ status: "failed" });
    expect(seen.length).toBeGreaterThan(0);
    // The first byte of a TLS handshake (RFC 8446, section 5.1).
    for (const bytes of seen) expect(bytes[0]).toBe(0x16);
    expect(Buffer.concat(seen).toString("latin1")).not.toMatch(/canary|AKIA|GET|PUT/u);
  });

  it("would be asked in the open as it is written in the configuration, which is why it is rewritten", async () => {
    await using store = await PrivateNixStore.create(path);
    const { seen, port, server } = await listen();
    const url = `s3://bucket?endpoint=localhost:${port}&scheme=https&region=us-east-1`;
    const args = ["--extra-experimental-features", "nix-command", "store", "info", "--store", url];
    const options = { env: { ...store.env, HOME: store.env["TMPDIR"] } };
    await promisify(execFile)("nix", [...args, "--option", "download-attempts", "1"], options).catch(
      () => undefined,
    );
    server.close();
    expect(Buffer.concat(seen).toString("latin1")).toMatch(/^GET /u);
  });
});
