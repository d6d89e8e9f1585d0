import { CacheRegistry, type CacheRegistryOptions, type PushResult } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BinaryCacheOptions, BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeEachNix } from "../support/requirement.ts";

describeEachNix("nix copy to an HTTP binary cache", (searchPath) => {
  let store: PrivateNixStore;
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
  });
  afterAll(async () => {
    await expect(store.listWorkDirectories()).resolves.toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  const open = (
    url: string,
    credentials: string,
    options: CacheRegistryOptions = {},
    env: Record<string, string> = {},
  ) =>
    CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       max_hook_timeout_seconds = 60
       [[caches]]
       id = "loopback"
       cache_type = "nix-copy"
       destination = "${url}"
       upload = "nix"
       credentials = ${credentials}
       permissions = { allow_all = true }`,
      { runtime: { env: { ...store.env, ...env } }, ...options },
    );

  const push = async (
    registry: CacheRegistry,
    storePaths: readonly string[],
  ): Promise<PushResult | undefined> =>
    (await registry.push({ repository: "o/r", job: "j", caches: ["loopback"], storePaths })).results[0];

  const withServer = async (
    options: BinaryCacheOptions,
    run: (server: BinaryCacheServer) => Promise<void>,
  ) => {
    await using server = await BinaryCacheServer.start(options);
    await run(server);
  };

  it("uploads one path", () =>
    withServer({}, async (server) => {
      const path = await store.add("one", "one");
      expect(await push(open(server.url, '"none"'), [path])).toMatchObject({
        status: "pushed",
        storePaths: [path],
      });
      expect(server.narinfo(path)).toContain(`StorePath: ${path}`);
    }));

  it("uploads many paths in batches, and Node has nothing to warn of", () =>
    withServer({}, async (server) => {
      const warnings: string[] = [];
      const listen = (warning: Error): void => void warnings.push(warning.message);
      process.on("warning", listen);
      const paths = await store.addMany("many", 60);
      const result = await push(open(server.url, '"none"'), paths);
      expect(result).toMatchObject({ status: "pushed" });
      expect(paths.filter((path) => server.narinfo(path) === undefined)).toEqual([]);
      process.off("warning", listen);
      expect(warnings).toEqual([]);
    }));

  it("authenticates by its netrc file", () =>
    withServer({ credentials: { username: "ci", password: 'pass "word"\\1' } }, async (server) => {
      const path = await store.add("secret", "secret");
      const source = '{ env = { vars = ["HTTP_USERNAME", "HTTP_PASSWORD"] } }';
      const wrong = await push(
        open(server.url, source, {}, { HTTP_USERNAME: "ci", HTTP_PASSWORD: "canary-wrong" }),
        [path],
      );
      expect(wrong).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_FAILED" } });
      expect(JSON.stringify(wrong)).not.toContain("canary-wrong");
      expect(server.narinfo(path)).toBeUndefined();
      const right = await push(
        open(server.url, source, {}, { HTTP_USERNAME: "ci", HTTP_PASSWORD: 'pass "word"\\1' }),
        [path],
      );
      expect(right).toMatchObject({ status: "pushed" });
      expect(server.narinfo(path)).toBeDefined();
    }));

  it("does not use a netrc file of the host where no credentials are configured", () =>
    withServer({}, async (server) => {
      await store.configure("netrc", "default login host password canary-of-the-host");
      const path = await store.add("anonymous", "anonymous");
      expect(await push(open(server.url, '"none"'), [path])).toMatchObject({ status: "pushed" });
      expect(server.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    }));

  it("fails for a path that was collected, and uploads nothing", () =>
    withServer({}, async (server) => {
      const kept = await store.add("kept", "kept");
      const collected = await store.add("collected", "collected");
      await store.delete(collected);
      const result = await push(open(server.url, '"none"'), [kept, collected]);
      expect(result).toMatchObject({
        status: "failed",
        error: { code: "ERR_STORE_PATH_NOT_VALID" },
        storePaths: [],
      });
      expect(server.requests).toEqual([]);
    }));

  it.each([500, 503, 401, 403, 413])("fails at once when the server answers %i", (status) =>
    withServer(
      { fail: ({ method, path }) => (method === "PUT" && path.startsWith("/nar/") ? status : undefined) },
      async (server) => {
        const path = await store.add(`status-${status}`, `${status}`);
        const result = await push(open(server.url, '"none"'), [path]);
        expect(result).toMatchObject({
          status: "failed",
          error: { code: "ERR_PUSH_FAILED" },
          executions: [{ exitCode: 1 }],
        });
        expect(server.narinfo(path)).toBeUndefined();
      },
    ),
  );

  it("notices that the server was wiped between two pushes", () =>
    withServer({}, async (server) => {
      const path = await store.add("again", "again");
      const registry = open(server.url, '"none"');
      expect(await push(registry, [path])).toMatchObject({ status: "pushed" });
      server.wipe();
      expect(await push(registry, [path])).toMatchObject({ status: "pushed" });
      expect(server.narinfo(path)).toContain(`StorePath: ${path}`);
    }));

  it("fails when nobody listens", async () => {
    const server = await BinaryCacheServer.start();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const path = await store.add("nobody", "nobody");
    expect(await push(open(url, '"none"'), [path])).toMatchObject({
      status: "failed",
      executions: [{ exitCode: 1 }],
    });
  });

  it("stops a server that never answers at the timeout, and leaves nothing behind", () =>
    withServer({}, async (server) => {
      const hanging = await BinaryCacheServer.start({ hang: true });
      const path = await store.add("hang", "hang");
      const registry = open(hanging.url, '"none"');
      const request = { repository: "o/r", job: "j", caches: ["loopback"], storePaths: [path] };
      const report = await registry.push(request, { timeoutMs: 1_000 });
      expect(report.results[0]).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } });
      const controller = new AbortController();
      const aborted = registry.push(request, { signal: controller.signal });
      setTimeout(() => controller.abort(), 500);
      expect((await aborted).results[0]).toMatchObject({ status: "aborted" });
      await hanging[Symbol.asyncDispose]();
      expect(server.requests).toEqual([]);
    }));

  it("check tells what nix was built with for S3", async () => {
    const toml = `
      [[caches]]
      id = "open"
      cache_type = "nix-copy"
      destination = "s3://bucket"
      upload = "nix"
      credentials = "none"
      [[caches]]
      id = "signed"
      cache_type = "nix-copy"
      destination = "s3://bucket"
      upload = "nix"
      credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }`;
    const keys = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "canary" };
    const registry = CacheRegistry.fromToml(toml, { runtime: { env: { ...store.env, ...keys } } });
    const { tools, caches } = await registry.check();
    const [, minor] =
      /^nix \(Nix\) 2\.(\d+)/u.exec(tools.find(({ tool }) => tool === "nix")?.version ?? "") ?? [];
    // Debian builds it without S3, and since 2.33 without signatures.
    const codes = caches.map(({ error }) => error?.code);
    const unsupported = "ERR_TOOL_UNSUPPORTED";
    expect(codes).toEqual(Number(minor) >= 33 ? [undefined, unsupported] : [unsupported, unsupported]);
  });

  describe("check", () => {
    it("finds nix and its version", async () => {
      const report = await open("http://127.0.0.1:1", '"none"').check();
      expect(report).toMatchObject({
        ok: true,
        tools: [
          { tool: "nix-store", ok: true },
          { tool: "nix", ok: true },
        ],
      });
      expect(report.tools[1]?.version).toMatch(/^nix \(Nix\) \d/u);
    });
  });
});
