import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type AuditEvent, CacheRegistry, type PushResult } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore, type StoreKey } from "../../examples/support/private-nix-store.ts";
import { buildChain } from "../support/build-closure.ts";
import { describeEachNix } from "../support/requirement.ts";

const run = promisify(execFile);

describeEachNix("signing per cache", (searchPath) => {
  let store: PrivateNixStore;
  let environment: Record<string, string>;
  let path: string;
  const keys: Record<string, StoreKey> = {};
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    environment = { ...store.env, HOME: store.env["TMPDIR"] ?? "" };
    path = await buildChain(store, "signed", 3);
    for (const name of ["ci-1", "other-1"]) keys[name] = await store.generateKey(name);
  }, 120_000);
  afterAll(() => store[Symbol.asyncDispose]());

  async function push(
    server: BinaryCacheServer,
    rules: string,
    key = keys["ci-1"]?.secret ?? "",
  ): Promise<{ readonly result: PushResult | undefined; readonly said: string }> {
    const events: AuditEvent[] = [];
    await using registry = CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       [[caches]]
       id = "one"
       cache_type = "nix-copy"
       destination = "${server.url}"
       credentials = "none"
       permissions = { allow_all = true }
       ${rules}`,
      {
        runtime: { env: { ...store.env, SIGNING_KEY: key } },
        auditSinks: [{ write: (event) => void events.push(event) }],
      },
    );
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
    const report = await registry.push(request);
    return { result: report.results[0], said: JSON.stringify([report, events, registry.plan(request)]) };
  }
  const SOURCE = 'signing_key = { env = { vars = ["SIGNING_KEY"] } }';
  const trusting = (...names: readonly string[]): string =>
    `trusted_public_keys = [${names.map((name) => `"${keys[name]?.pub}"`).join(", ")}]`;

  it("signs every path so that Nix takes it, and the key goes nowhere", async () => {
    await using server = await BinaryCacheServer.start();
    const { result, said } = await push(server, `${SOURCE}\nrequire_signature = "ci-1"\n${trusting("ci-1")}`);
    expect(result).toMatchObject({ status: "pushed", confirmedPaths: [path] });
    const narinfos = [...server.objects].filter(([key]) => key.endsWith(".narinfo"));
    expect(narinfos).toHaveLength(3);
    for (const [, body] of narinfos) expect(body.toString()).toMatch(/^Sig: ci-1:\S+$/mu);
    const secret = keys["ci-1"]?.secret.split(":")[1] ?? "";
    const sent = [...server.objects.values()].map((body) => body.toString("latin1")).join();
    expect(said + sent).not.toContain(secret);
    expect(said).toContain("SIGNING_KEY");
    const options = ["--extra-experimental-features", "nix-command", "--option", "substituters", ""];
    const verify = ["store", "verify", "--recursive", "--store", server.url, "--sigs-needed", "1"];
    const trust = (name: string) => ["--option", "trusted-public-keys", keys[name]?.pub ?? "", path];
    await run("nix", [...options, ...verify, ...trust("ci-1")], { env: environment });
    await expect(
      run("nix", [...options, ...verify, ...trust("other-1")], { env: environment }),
    ).rejects.toThrow();
  }, 60_000);

  it("finds what is not signed, signed by another, or forged in the cache", async () => {
    await using server = await BinaryCacheServer.start();
    expect((await push(server, "")).result).toMatchObject({ status: "pushed" });
    const missing = { status: "failed", error: { code: "ERR_SIGNATURE_MISSING", storePaths: [path] } };
    const rules = trusting("ci-1");
    expect((await push(server, rules)).result).toMatchObject(missing);
    // Nix's own verification goes the way of the tools.
    expect((await push(server, `upload = "nix"\n${rules}`)).result).toMatchObject(missing);
    server.wipe();
    const other = await push(server, SOURCE, keys["other-1"]?.secret);
    expect(other.result).toMatchObject({ status: "pushed" });
    expect((await push(server, rules)).result).toMatchObject(missing);
    expect((await push(server, `upload = "nix"\n${trusting("other-1")}`)).result).toMatchObject({
      status: "pushed",
    });
    const key = `/${path.slice(path.lastIndexOf("/") + 1).slice(0, 32)}.narinfo`;
    const narinfo = server.objects.get(key)?.toString() ?? "";
    server.objects.set(key, Buffer.from(narinfo.replace(/^Sig: .*$/mu, `Sig: other-1:${"A".repeat(86)}==`)));
    for (const upload of ["direct", "nix"])
      expect((await push(server, `upload = "${upload}"\n${trusting("other-1")}`)).result).toMatchObject(
        missing,
      );
    // By name alone a forged one passes, as documented.
    expect((await push(server, 'require_signature = "other-1"')).result).toMatchObject({ status: "pushed" });
  }, 60_000);

  it("finds out that a server strips signatures", async () => {
    await using server = await BinaryCacheServer.start({
      alter: (path, body) =>
        path.endsWith(".narinfo") ? Buffer.from(body.toString().replaceAll(/^Sig: .*\n/gmu, "")) : body,
    });
    const { result } = await push(server, `${SOURCE}\n${trusting("ci-1")}`);
    expect(result).toMatchObject({
      ...{ status: "failed", confirmedPaths: [] },
      error: { code: "ERR_SIGNATURE_MISSING", storePaths: [path] },
    });
  }, 60_000);

  it("of a check is told what a push would fail of, and a probe is signed", async () => {
    await using server = await BinaryCacheServer.start();
    const check = async (rules: string, env: Record<string, string>, probe?: "write") => {
      await using registry = CacheRegistry.fromToml(
        `[security]
         allow_private_cache_hosts = true
         [[caches]]
         id = "one"
         cache_type = "nix-copy"
         destination = "${server.url}"
         credentials = "none"
         permissions = { allow_all = true }
         exclude = ["*"]
         ${SOURCE}
         ${rules}`,
        { runtime: { env: { ...store.env, ...env } } },
      );
      return (await registry.check({ probe })).caches[0];
    };
    const env = { SIGNING_KEY: keys["ci-1"]?.secret ?? "" };
    expect((await check("", {}))?.error?.code).toBe("ERR_CREDENTIAL_NOT_CONFIGURED");
    expect((await check(trusting("other-1"), env, "write"))?.error?.code).toBe("ERR_COMMAND_CREDENTIALS");
    const probed = await check(trusting("ci-1"), env, "write");
    expect(probed).toMatchObject({ ok: true, names: ["SIGNING_KEY"], probe: { finding: "confirmed" } });
    expect(server.narinfo(probed?.probe?.storePath ?? "")).toMatch(/^Sig: ci-1:/mu);
  }, 60_000);

  it.each([
    ["a text that is no key", "", "canary-no-key"],
    ["a key of another name", 'require_signature = "other-1"', undefined],
    ["a key that is not trusted", "TRUST", undefined],
  ])("sends nothing with %s", async (_what, rule, key) => {
    await using server = await BinaryCacheServer.start();
    const rules = rule === "TRUST" ? trusting("other-1") : rule;
    const { result, said } = await push(server, `${SOURCE}\n${rules}`, key);
    expect(result).toMatchObject({ status: "failed", error: { code: "ERR_COMMAND_CREDENTIALS" } });
    expect(said).not.toContain("canary");
    expect([...server.objects.keys()]).toEqual([]);
  });
});

it("a configuration that could not sign, or whose signatures could not count, is refused", () => {
  const toToml = (type: string, destination: string, rules: string): string => `
    [[caches]]
    id = "one"
    cache_type = "${type}"
    destination = "${destination}"
    credentials = { env = { vars = ["TOKEN"] } }
    permissions = { allow_all = true }
    ${rules}`;
  const source = 'signing_key = { env = { vars = ["SIGNING_KEY"] } }';
  for (const [type, destination, rules] of [
    ["attic", "https://attic.example.org/c", source],
    ["nix-copy", "https://cache.example.org", `upload = "nix"\n${source}`],
    ["nix-copy", "https://cache.example.org", 'signing_key = "ci-1:secret"'],
    ["nix-copy", "https://cache.example.org", "signing_key = { nothing = {} }"],
    ["nix-copy", "https://cache.example.org", 'trusted_public_keys = ["ci-1:short"]'],
    [
      "nix-copy",
      "https://cache.example.org",
      `require_signature = "ci-2"\ntrusted_public_keys = ["ci-1:${"A".repeat(43)}="]`,
    ],
  ] as const)
    expect(() => CacheRegistry.fromToml(toToml(type, destination, rules)), rules).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID" }),
    );
});
