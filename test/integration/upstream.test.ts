import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheRegistry } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeEachNix } from "../support/requirement.ts";

/** An Attic server as far as it is asked here: it names its upstreams' keys, and has no path. */
async function startAttic(keys: readonly string[], storeDirectory: string) {
  const config = JSON.stringify({ is_public: true, priority: 41, upstream_cache_key_names: keys });
  const server = createServer((request, response) => {
    if (request.url === "/_api/v1/cache-config/team") response.end(config);
    else if (request.url === "/team/nix-cache-info") response.end(`StoreDir: ${storeDirectory}\n`);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/team`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeEachNix("a path that an upstream has signed", (searchPath) => {
  let store: PrivateNixStore;
  const tools = mkdtempSync(join(tmpdir(), "eka-ci-tools-"));
  beforeAll(async () => {
    // As Attic's client does with such a path: it uploads nothing, and ends well.
    writeFileSync(join(tools, "attic"), "#!/bin/sh\nexit 0\n");
    chmodSync(join(tools, "attic"), 0o755);
    store = await PrivateNixStore.create(`${tools}:${searchPath}`);
  });
  afterAll(async () => {
    rmSync(tools, { recursive: true });
    await store[Symbol.asyncDispose]();
  });

  it("is told as left to it, and one that is not signed is missing", async () => {
    const [signed, unsigned] = [await store.add("signed", "a"), await store.add("unsigned", "b")];
    await store.sign(signed, "cache.nixos.org-1");
    await using attic = await startAttic(["cache.nixos.org-1"], store.env["NIX_STORE_DIR"] ?? "");
    await using registry = CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       [[caches]]
       id = "one"
       cache_type = "attic"
       destination = "${attic.url}"
       credentials = "none"`,
      { runtime: { env: store.env } },
    );
    const push = async (storePaths: readonly string[]) =>
      (await registry.push({ repository: "o/r", job: "j", caches: ["one"], storePaths })).results[0];
    expect(await push([signed])).toMatchObject({
      ...{ status: "upstream", upstreamPaths: [signed], storePaths: [], confirmedPaths: [signed] },
    });
    expect(await push([signed, unsigned])).toMatchObject({
      ...{ status: "failed", error: { code: "ERR_PUSH_UNVERIFIED", storePaths: [unsigned] } },
    });
  });
});
