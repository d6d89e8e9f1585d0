import { afterAll, beforeAll, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { InstalledCli } from "../support/installed-cli.ts";
import { describeWith } from "../support/requirement.ts";

describeWith("nix", "promote of the command line", () => {
  let store: PrivateNixStore;
  let cli: InstalledCli;
  let path: string;
  let publicKey: string;
  beforeAll(async () => {
    store = await PrivateNixStore.create();
    path = await store.add("promoted.txt", "promoted");
    const { secret, pub } = await store.generateKey("ci-1");
    publicKey = pub;
    cli = await InstalledCli.install({ ...store.env, CI_KEY: secret });
  }, 180_000);
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  it("brings a path from one cache to another, and says what policy denies", async () => {
    await using source = await BinaryCacheServer.start();
    await using target = await BinaryCacheServer.start();
    const config = await cli.toFile(
      "promote.toml",
      `[security]
       allow_private_cache_hosts = true
       [[caches]]
       id = "staging"
       cache_type = "nix-copy"
       destination = "${source.url}"
       credentials = "none"
       permissions = { allow_all = true }
       signing_key = { env = { vars = ["CI_KEY"] } }
       [[caches]]
       id = "production"
       cache_type = "nix-copy"
       destination = "${target.url}"
       credentials = "none"
       permissions = { allow_all = false, allowed_repos = ["o/*"] }
       promote_from = [{ cache = "staging", require_signature = "${publicKey}" }]`,
    );
    const common = ["--config", config, "--repo", "o/r", "--branch", "main"];
    expect(await cli.run(["push", ...common, "--cache", "staging", path])).toMatchObject({ code: 0 });
    const promote = (from: string, to: string, more: readonly string[], input?: string) =>
      cli.run(["promote", ...common, "--from", from, "--to", to, ...more], { input: input ?? "" });
    expect(await promote("production", "staging", [path])).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("promote_from"),
    });
    expect(await promote("staging", "production", [], `${path}\n`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("pushed  production: 1 path"),
    });
    expect(target.narinfo(path)).toContain("Sig: ci-1:");
    const { code, stdout } = await promote("staging", "production", ["--json", path]);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, results: [{ cacheId: "production" }] }]);
  }, 120_000);
});
