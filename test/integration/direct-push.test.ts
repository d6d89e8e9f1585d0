import {
  CacheRegistry,
  type CacheRegistryOptions,
  createProcessExecutor,
  formatCommand,
  type PushProgress,
  PushQueue,
  type PushResult,
} from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BinaryCacheOptions, BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { classifyFailure } from "../../src/delivery/classify-failure.ts";
import { buildWide } from "../support/build-closure.ts";
import { describeEachNix, describeWith } from "../support/requirement.ts";
import { S3_KEYS, S3_REGION, StrictS3Server } from "../support/strict-s3-server.ts";
import { startExternal } from "./servers/external-server.ts";
import { startNginx } from "./servers/nginx.ts";
import { startVersitygw, VERSITY_KEYS } from "./servers/versitygw.ts";

const S3_ENV = { AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey };
const S3_SOURCE = '{ env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }';

describeEachNix("a push with upload = direct", (searchPath) => {
  let store: PrivateNixStore;
  let root: string;
  let number = 0;
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    root = await buildWide(store, "direct", 12);
  }, 120_000);
  afterAll(async () => {
    expect(await store.listWorkDirectories()).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  const open = (
    destination: string,
    credentials = '"none"',
    env: Record<string, string> = {},
    options: CacheRegistryOptions = {},
    more = "",
  ) =>
    CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       max_hook_timeout_seconds = 60
       [[caches]]
       id = "one"
       cache_type = "nix-copy"
       destination = "${destination}"
       upload = "direct"
       credentials = ${credentials}
       permissions = { allow_all = true }
       ${more}`,
      { runtime: { env: { ...store.env, ...env } }, ...options },
    );
  const push = async (
    registry: CacheRegistry,
    storePaths: readonly string[],
    onProgress?: (progress: PushProgress) => void,
  ): Promise<PushResult | undefined> => {
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths };
    return (await registry.push(request, { onProgress })).results[0];
  };
  const add = (count = 1): Promise<readonly string[]> => store.addMany(`direct-${number++}`, count);
  const classOf = (result: PushResult | undefined) =>
    result?.status === "failed"
      ? classifyFailure(result.error, result.executions.at(-1)).failureClass
      : result?.status;

  it("brings paths and all that they refer to, and tells how far it is", async () => {
    await using server = await BinaryCacheServer.start({
      credentials: { username: "ci", password: "canary" },
    });
    const source = '{ env = { vars = ["HTTP_USERNAME", "HTTP_PASSWORD"] } }';
    const env = { HTTP_USERNAME: "ci", HTTP_PASSWORD: "canary" };
    await using registry = open(server.url, source, env);
    const seen: PushProgress[] = [];
    const result = await push(registry, [root], (progress) => seen.push(progress));
    expect(result).toMatchObject({ status: "pushed", storePaths: [root], confirmedPaths: [root] });
    expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toHaveLength(13);
    expect(seen.filter(({ type }) => type === "paths").at(-1)).toMatchObject({ done: 13, expected: 13 });
    expect(seen.map(({ type }) => type)).toContain("bytes");
  });

  it("shows no child a credential, and asks nix for nothing over the network", async () => {
    await using server = await BinaryCacheServer.start({
      credentials: { username: "", password: "canary-4f1d9c" },
    });
    const local = createProcessExecutor({ runtime: { env: store.env } });
    const commands: string[] = [];
    const executor: typeof local = {
      sharesDisk: true,
      execute: (command, options) => {
        const values = [...command.env.values()].map((value) =>
          typeof value === "object" && "expose" in value ? value.expose() : "",
        );
        commands.push(
          `${formatCommand(command)} ${values.join()} ${command.files.map(({ content }) => content.expose()).join()}`,
        );
        return local.execute(command, options);
      },
    };
    const source = '{ env = { vars = ["HTTP_PASSWORD"] } }';
    await using registry = open(server.url, source, { HTTP_PASSWORD: "canary-4f1d9c" }, { executor });
    expect(await push(registry, await add(3))).toMatchObject({ status: "pushed" });
    expect(commands.join("\n")).not.toContain("canary");
    expect(commands.filter((command) => command.includes(server.url))).toEqual([]);
  });

  it("reaches a bucket of a strict server, though Debian's Nix cannot", async () => {
    await using server = await StrictS3Server.start();
    await using registry = open(`s3://bucket?endpoint=${server.url}&region=${S3_REGION}`, S3_SOURCE, S3_ENV);
    expect(await push(registry, [root])).toMatchObject({ status: "pushed", confirmedPaths: [root] });
    expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toHaveLength(13);
  });

  it.each<[status: number, failureClass: string]>([
    [400, "permanent"],
    [401, "credentials"],
    [403, "credentials"],
    [413, "permanent"],
    [507, "permanent"],
  ])("that is answered %i is %s, by the status and no text", async (status, failureClass) => {
    const fail: BinaryCacheOptions["fail"] = ({ method }) => (method === "PUT" ? status : undefined);
    await using server = await BinaryCacheServer.start({ fail });
    await using registry = open(server.url);
    const result = await push(registry, await add());
    expect(classOf(result)).toBe(failureClass);
    expect(result).toMatchObject({ status: "failed", storePaths: [], confirmedPaths: [] });
  });

  it("that is refused goes on with fresh credentials", async () => {
    const env: Record<string, string> = { ...store.env, HTTP_PASSWORD: "old" };
    const fail: BinaryCacheOptions["fail"] = ({ authorization }) => {
      if (authorization === `Basic ${Buffer.from(":new").toString("base64")}`) return undefined;
      env["HTTP_PASSWORD"] = "new";
      return 401;
    };
    await using server = await BinaryCacheServer.start({ fail });
    await using registry = open(
      server.url,
      '{ env = { vars = ["HTTP_PASSWORD"] } }',
      {},
      { runtime: { env } },
    );
    expect(await push(registry, await add())).toMatchObject({ status: "pushed" });
  });

  it("is told in plan and check, with the reason where nix pushes after all", async () => {
    const ways = async (registry: CacheRegistry) => {
      const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [root] };
      const [entry] = registry.plan(request).entries;
      const [cache] = (await registry.check()).caches;
      return { plan: entry?.upload, check: cache?.upload, commands: entry?.commands ?? [], ok: cache?.ok };
    };
    await using direct = open("s3://bucket?region=eu-west-1", S3_SOURCE, S3_ENV);
    const found = await ways(direct);
    expect([found.plan, found.check, found.ok]).toEqual([{ way: "direct" }, { way: "direct" }, true]);
    expect(found.commands.join("\n")).toContain("file://<stage>");
    await using proxied = open("http://cache.example.com", '"none"', { http_proxy: "http://proxy:1" });
    expect(await ways(proxied)).toMatchObject({ plan: { way: "direct" }, check: { way: "direct" } });
    await using socks = open("http://cache.example.com", '"none"', { all_proxy: "socks5://proxy:1" });
    expect(await ways(socks)).toMatchObject({
      plan: { way: "nix", reason: expect.stringContaining("all_proxy") },
      check: { way: "nix" },
    });
    await using special = open("http://127.0.0.1:1?index-debug-info=true");
    expect((await ways(special)).plan).toMatchObject({
      way: "nix",
      reason: expect.stringContaining("index-debug-info"),
    });
  });

  it("is one by nix where the executor does not share the disk", async () => {
    await using server = await BinaryCacheServer.start();
    const local = createProcessExecutor({ runtime: { env: store.env } });
    const executor = { execute: local.execute };
    await using registry = open(server.url, '"none"', {}, { executor });
    const result = await push(registry, await add());
    expect(result).toMatchObject({ status: "pushed" });
    expect(result?.status === "pushed" ? result.executions.map(({ stderr }) => stderr).join() : "").toContain(
      server.url,
    );
  });

  it("is one by nix where nothing can be staged", async () => {
    await using server = await BinaryCacheServer.start();
    const executor = createProcessExecutor({ runtime: { env: store.env } });
    await using registry = open(server.url, '"none"', { TMPDIR: "/nonexistent" }, { executor });
    expect(await push(registry, await add())).toMatchObject({ status: "pushed" });
  });

  it("takes only what the required key has signed", async () => {
    await using server = await BinaryCacheServer.start();
    await using registry = open(server.url, '"none"', {}, {}, 'require_signature = "ci.example.org-1"');
    const [path = ""] = await add();
    expect(await push(registry, [path])).toMatchObject({
      status: "failed",
      error: { code: "ERR_SIGNATURE_MISSING" },
    });
    expect(server.objects.size).toBe(0);
    await store.sign(path, "ci.example.org-1");
    expect(await push(registry, [path])).toMatchObject({ status: "pushed" });
  });

  it("ends at its timeout, and the next one heals the cache", async () => {
    let hangs = true;
    await using server = await BinaryCacheServer.start();
    const { startFaultProxy } = await import("./servers/fault-proxy.ts");
    await using proxy = await startFaultProxy(server.url, ({ method, path }) =>
      hangs && method === "PUT" && path.startsWith("/nar/") ? { kind: "hang" } : undefined,
    );
    await using registry = open(proxy.url);
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: await add(3) };
    const [late] = (await registry.push(request, { timeoutMs: 2_000 })).results;
    expect(late).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } });
    hangs = false;
    const [healed] = (await registry.push(request)).results;
    expect(healed).toMatchObject({ status: "pushed" });
  });

  it("through a queue gives up the one path that is refused, and delivers the others", async () => {
    const paths = await add(12);
    let refused = "";
    const fail: BinaryCacheOptions["fail"] = ({ method, path }) => {
      if (method !== "PUT" || !path.startsWith("/nar/")) return undefined;
      refused ||= path;
      return path === refused ? 413 : undefined;
    };
    await using server = await BinaryCacheServer.start({ fail });
    await using registry = open(server.url);
    await using queue = new PushQueue(registry, {});
    const ticket = await queue.enqueue({ repository: "o/r", job: "j", caches: ["one"], storePaths: paths });
    const [result] = (await ticket.done).results;
    expect(result).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_FAILED" } });
    expect(result?.status === "failed" ? result.confirmedPaths : []).toHaveLength(11);
    expect(result).toMatchObject({ upload: { way: "direct" } });
  });

  describeWith("nginx", "to nginx", () => {
    it("arrives", async () => {
      await using nginx = await startNginx();
      await using registry = open(`${nginx.url}/cache`);
      expect(await push(registry, [root])).toMatchObject({ status: "pushed" });
    });
  });

  describeWith("versitygw", "to versitygw", () => {
    it("arrives, also in parts, and is refused with other keys", async () => {
      await using server = await startVersitygw();
      const destination = `s3://bucket/deep?endpoint=${server.url}&region=us-east-1&compression=none`;
      await using registry = open(destination, S3_SOURCE, VERSITY_KEYS);
      const { randomBytes } = await import("node:crypto");
      const large = await store.add("large", randomBytes(20_000_000));
      expect(await push(registry, [root, large])).toMatchObject({
        ...{ status: "pushed", confirmedPaths: [root, large], upload: { way: "direct" } },
      });
      await using wrong = open(destination, S3_SOURCE, {
        ...VERSITY_KEYS,
        AWS_SECRET_ACCESS_KEY: "canary-wrong",
      });
      expect(classOf(await push(wrong, await add()))).toBe("credentials");
    }, 30_000);
  });

  describeWith("moto_server", "to moto", () => {
    it("arrives, with keys that Debian's Nix cannot use", async () => {
      await using moto = await startExternal("moto_server", (port) => [
        "-H",
        "127.0.0.1",
        "-p",
        String(port),
      ]);
      await fetch(`${moto.url}/nix-cache`, { method: "PUT" });
      const destination = `s3://nix-cache/deep?endpoint=${moto.url}&region=us-east-1`;
      await using registry = open(destination, S3_SOURCE, S3_ENV);
      expect(await push(registry, [root])).toMatchObject({ status: "pushed", confirmedPaths: [root] });
    });
  });
});
