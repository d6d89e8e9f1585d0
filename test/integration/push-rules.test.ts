import { CacheRegistry, type PushResult } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { buildChain, buildOn } from "../support/build-closure.ts";
import { describeEachNix } from "../support/requirement.ts";

describeEachNix("rules of a cache", (searchPath) => {
  let store: PrivateNixStore;
  /** What an upstream has, and what was built on it. */
  let library: string;
  let application: string;
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    library = await buildChain(store, "library", 3);
    application = await buildOn(store, "application", [library]);
  }, 120_000);
  afterAll(() => store[Symbol.asyncDispose]());

  async function push(
    destination: string,
    rules: string,
    storePaths: readonly string[],
  ): Promise<PushResult | undefined> {
    await using registry = CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       [[caches]]
       id = "one"
       cache_type = "nix-copy"
       destination = "${destination}"
       credentials = "none"
       permissions = { allow_all = true }
       ${rules}`,
      { runtime: { env: store.env } },
    );
    return (await registry.push({ repository: "o/r", job: "j", caches: ["one"], storePaths })).results[0];
  }
  const countNarinfos = ({ objects }: BinaryCacheServer): number =>
    [...objects.keys()].filter((key) => key.endsWith(".narinfo")).length;

  it.each(["direct", "nix"])(
    "with upload = %s leave to an upstream what it has, and a push without them heals the cache",
    async (upload) => {
      await using upstream = await BinaryCacheServer.start();
      await using server = await BinaryCacheServer.start();
      expect(await push(upstream.url, "", [library])).toMatchObject({ status: "pushed" });
      const rules = `upload = "${upload}"\nupstream_caches = ["${upstream.url}"]`;
      expect(await push(server.url, rules, [application, library])).toMatchObject({
        status: "pushed",
        confirmedPaths: [application],
        skippedPaths: [{ path: library, reason: "upstream" }],
      });
      // nix copy brings what the application refers to.
      expect(countNarinfos(server)).toBe(upload === "direct" ? 1 : 4);
      expect(server.narinfo(application)).toContain("References: ");
      const again = await push(server.url, `upload = "${upload}"`, [application]);
      expect(again).toMatchObject({ status: "pushed", skippedPaths: [] });
      expect(countNarinfos(server)).toBe(4);
    },
    60_000,
  );

  it("stop a closure with a denied path before anything is asked of the destination", async () => {
    await using server = await BinaryCacheServer.start();
    const refused = await push(server.url, 'deny_paths = ["library-0"]', [application]);
    expect(refused).toMatchObject({ status: "failed", error: { code: "ERR_CLOSURE_REFUSED" } });
    const chain = ["application", "library-2", "library-1", "library-0"].map((name) => `\\S+-${name}`);
    expect(refused?.status === "failed" ? refused.error.message : "").toMatch(
      new RegExp(`: ${chain.join(" -> ")}$`, "u"),
    );
    expect(server.requests).toEqual([]);
  }, 60_000);

  it("leave out what is too large", async () => {
    await using server = await BinaryCacheServer.start();
    const large = await store.add("large", Buffer.alloc(3 * 1024 * 1024, 7));
    expect(await push(server.url, 'max_nar_size = "2 MiB"', [large, library])).toMatchObject({
      status: "pushed",
      skippedPaths: [{ path: large, reason: "too-large" }],
    });
    expect(server.narinfo(large)).toBeUndefined();
  }, 60_000);
});
