import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  CacheRegistry,
  defineCredentialSource,
  type PushOptions,
  type PushResult,
  Secret,
} from "@eka-ci/caches";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BinaryCacheOptions, BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { buildChain, buildEqual, buildOn, buildOnDerivation, buildWide } from "../support/build-closure.ts";
import { checkConsistency } from "../support/check-consistency.ts";
import { describeEachNix, describeWith } from "../support/requirement.ts";
import { S3_KEYS, S3_REGION, StrictS3Server } from "../support/strict-s3-server.ts";
import { type ExchangeFault, startFaultProxy } from "./servers/fault-proxy.ts";

const run = promisify(execFile);
const isNar = ({ method, path }: { method: string; path: string }): boolean =>
  method === "PUT" && path.startsWith("/nar/");

const toToml = (url: string, more = 'credentials = "none"'): string => `
  security = { allow_private_cache_hosts = true, max_hook_timeout_seconds = 120 }
  [[caches]]
  id = "one"
  cache_type = "nix-copy"
  destination = "${url}?compression=zstd"
  permissions = { allow_all = true }
  ${more}`;

/** Pushes paths to the one cache of a registry. */
async function pushTo(
  registry: CacheRegistry,
  storePaths: readonly string[],
  options: PushOptions = {},
): Promise<PushResult | undefined> {
  const request = { repository: "o/r", job: "j", caches: ["one"], storePaths };
  return (await registry.push(request, options)).results[0];
}

/** A cache that keeps what it got of an upload that was cut, as some servers do. */
async function startHalfKeeper(cutNar: (count: number) => boolean) {
  const objects = new Map<string, Buffer>();
  let nars = 0;
  const server = createServer((request, response) => {
    const { method = "GET", url = "/" } = request;
    const cuts = isNar({ method, path: url }) && cutNar(++nars);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (!cuts) return;
      objects.set(url, Buffer.concat(chunks).subarray(0, Math.ceil(chunk.length / 2)));
      request.socket.destroy();
    });
    request.on("end", () => {
      if (method === "PUT") objects.set(url, Buffer.concat(chunks));
      const object = method === "PUT" ? Buffer.alloc(0) : objects.get(url);
      response.writeHead(object === undefined ? 404 : 200, { "content-length": object?.length ?? 0 });
      response.end(method === "HEAD" ? undefined : object);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    objects,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeEachNix("a direct upload, where things go wrong", (searchPath) => {
  let store: PrivateNixStore;
  let roots: { readonly wide: string; readonly chain: string };
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    roots = { wide: await buildWide(store, "wide", 30), chain: await buildChain(store, "chain", 12) };
  }, 120_000);
  afterAll(async () => {
    expect(await store.listWorkDirectories()).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  const push = async (
    url: string,
    storePaths: readonly string[],
    options: { timeoutMs?: number; signal?: AbortSignal; stallTimeoutMs?: number } = {},
  ): Promise<PushResult | undefined> => {
    await using registry = CacheRegistry.fromToml(toToml(url), { runtime: { env: store.env } });
    return await pushTo(registry, storePaths, options);
  };
  /** What a cache has in the end is whole, and has what the report says. */
  const expectHealed = async (server: BinaryCacheServer, url = server.url): Promise<void> => {
    const paths = [roots.wide, roots.chain];
    expect(await push(url, paths)).toMatchObject({ status: "pushed", confirmedPaths: paths });
    checkConsistency(server.objects);
    expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toHaveLength(43);
  };

  describe.each(["wide", "chain"] as const)("on a closure that is a %s one", (shape) => {
    it("brings all of it through a network that drops one request in ten", async () => {
      await using server = await BinaryCacheServer.start();
      let requests = 0;
      await using proxy = await startFaultProxy(server.url, () =>
        ++requests % 10 === 0 ? { kind: "cut-answer", afterBytes: 0 } : undefined,
      );
      expect(await push(proxy.url, [roots[shape]])).toMatchObject({ status: "pushed" });
      checkConsistency(server.objects);
    });

    it("tells what got there when one NAR is answered 500, and nothing that refers to it", async () => {
      let refused = "";
      const fail: BinaryCacheOptions["fail"] = (request) => {
        if (isNar(request)) refused ||= request.path;
        return request.method === "PUT" && request.path === refused ? 500 : undefined;
      };
      await using server = await BinaryCacheServer.start({ fail });
      const result = await push(server.url, [roots[shape]]);
      expect(result).toMatchObject({ status: "failed", storePaths: [], confirmedPaths: [] });
      expect(result).toMatchObject({ error: { code: "ERR_PUSH_FAILED", storePaths: [roots[shape]] } });
      checkConsistency(server.objects);
    }, 60_000);

    it.each([1, 3])(
      "sends a NAR again that was cut (number %i), though the server keeps the half",
      async (cut) => {
        await using server = await startHalfKeeper((count) => count === cut);
        expect(await push(server.url, [roots[shape]])).toMatchObject({ status: "pushed" });
        checkConsistency(server.objects);
      },
    );

    it("ends in the middle of a hang when it is aborted, and leaves the cache whole", async () => {
      const controller = new AbortController();
      await using server = await BinaryCacheServer.start();
      let nars = 0;
      await using proxy = await startFaultProxy(server.url, (request) => {
        if (!isNar(request) || ++nars < 3) return undefined;
        setTimeout(() => controller.abort(), 100);
        return { kind: "hang" };
      });
      const result = await push(proxy.url, [roots[shape]], { signal: controller.signal });
      expect(result).toMatchObject({ status: "aborted", confirmedPaths: [] });
      checkConsistency(server.objects);
      await expectHealed(server);
    });

    it("ends when nothing moves, and says so", async () => {
      await using server = await BinaryCacheServer.start();
      await using proxy = await startFaultProxy(server.url, (request) =>
        isNar(request) ? { kind: "hang" } : undefined,
      );
      const result = await push(proxy.url, [roots[shape]], { stallTimeoutMs: 700 });
      expect(result).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_STALLED" } });
      checkConsistency(server.objects);
    });

    it("does not end while little moves", async () => {
      await using server = await BinaryCacheServer.start();
      await using proxy = await startFaultProxy(server.url, () => ({ kind: "delay", ms: 150 }));
      const result = await push(proxy.url, [roots[shape]], { stallTimeoutMs: 1_000 });
      expect(result).toMatchObject({ status: "pushed" });
    }, 60_000);

    it("leaves the cache whole when its host is killed at any of twelve moments, and the next one heals it", async () => {
      for (let moment = 0; moment < 12; moment++) {
        // One of its own: what a killed host has sent may still arrive when the next one has begun.
        await using server = await BinaryCacheServer.start();
        let uploads = 0;
        const last = 1 + moment * 2;
        const kill = { host: undefined as ReturnType<typeof spawn> | undefined };
        await using proxy = await startFaultProxy(server.url, ({ method }): ExchangeFault | undefined => {
          if (method === "PUT" && ++uploads === last) kill.host?.kill("SIGKILL");
          return undefined;
        });
        const setup = { toml: toToml(proxy.url), storePaths: [roots[shape]] };
        const args = ["--import", "tsx", "test/integration/hosts/push-host.ts", JSON.stringify(setup)];
        kill.host = spawn(process.execPath, args, { env: store.env, stdio: "ignore" });
        expect(await once(kill.host, "close")).toEqual([null, "SIGKILL"]);
        checkConsistency(server.objects);
        if (moment === 11) await expectHealed(server);
      }
      await using server = await BinaryCacheServer.start();
      // The next process sweeps what the killed ones have left, if it lives long enough.
      for (let turn = 0; turn < 10 && (await store.listWorkDirectories()).length > 0; turn++) {
        await using slow = await startFaultProxy(server.url, () => ({ kind: "delay", ms: 700 }));
        const setup = { toml: toToml(slow.url), storePaths: [roots[shape]] };
        const args = ["--import", "tsx", "test/integration/hosts/push-host.ts", JSON.stringify(setup)];
        await once(spawn(process.execPath, args, { env: store.env, stdio: "ignore" }), "close");
      }
      expect(await store.listWorkDirectories()).toEqual([]);
    }, 120_000);
  });

  it("brings the same closure once from two hosts at a time", async () => {
    await using server = await BinaryCacheServer.start();
    const paths = [roots.wide, roots.chain];
    const results = await Promise.all([push(server.url, paths), push(server.url, paths)]);
    for (const result of results) expect(result).toMatchObject({ status: "pushed", confirmedPaths: paths });
    await expectHealed(server);
  });

  it("brings paths of equal content, which share a NAR", async () => {
    await using server = await BinaryCacheServer.start();
    const paths = await buildEqual(store, "equal", 6);
    expect(await push(server.url, paths)).toMatchObject({ status: "pushed", confirmedPaths: paths });
    expect([...server.objects.keys()].filter((key) => key.startsWith("/nar/"))).toHaveLength(1);
    expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toHaveLength(6);
    checkConsistency(server.objects);
  });

  it("renews credentials that end in the middle, and those that the cache calls expired", async () => {
    let valid = "first";
    let requests = 0;
    const seen = new Set<string>();
    const fail: BinaryCacheOptions["fail"] = ({ authorization }) => {
      const password = Buffer.from(authorization?.slice(6) ?? "", "base64")
        .toString()
        .slice(1);
      seen.add(password);
      if (++requests === 20) valid = "second";
      return password === valid ? undefined : 401;
    };
    await using server = await BinaryCacheServer.start({ fail });
    let fetched = 0;
    const source = defineCredentialSource({
      type: "custom:turning",
      schema: { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } },
      create: () => async () => {
        fetched++;
        return { env: new Map([["HTTP_PASSWORD", new Secret(valid)]]) };
      },
    });
    await using registry = CacheRegistry.fromToml(
      toToml(server.url, 'credentials = { "custom:turning" = {} }'),
      {
        runtime: { env: store.env },
        credentialSources: [source],
      },
    );
    expect(await pushTo(registry, [roots.wide])).toMatchObject({ status: "pushed" });
    expect([...seen]).toEqual(["first", "second"]);
    expect(fetched).toBe(2);
    checkConsistency(server.objects);
  });

  it("tells bytes as they leave, each once", async () => {
    let refused = 0;
    const fail: BinaryCacheOptions["fail"] = (request) => (isNar(request) && refused++ < 2 ? 503 : undefined);
    await using server = await BinaryCacheServer.start({ fail });
    const { randomBytes } = await import("node:crypto");
    const path = await store.add("large", randomBytes(2_000_000).toString("base64"));
    await using registry = CacheRegistry.fromToml(toToml(server.url), { runtime: { env: store.env } });
    const bytes: { done: number; expected: number }[] = [];
    const result = await pushTo(registry, [path], {
      onProgress: (progress) => {
        if (progress.type === "bytes") bytes.push(progress);
      },
    });
    expect(result).toMatchObject({ status: "pushed", upload: { way: "direct" } });
    const size = [...server.objects].find(([key]) => key.startsWith("/nar/"))?.[1].length ?? 0;
    expect(bytes.at(-1)).toMatchObject({ done: size, expected: size });
    expect(bytes.filter(({ done }) => done > 0 && done < size).length).toBeGreaterThan(5);
    expect(Math.max(...bytes.map(({ done }) => done))).toBe(size);
  });

  it("leaves it to nix where the cache sends its readers elsewhere", async () => {
    await using behind = await BinaryCacheServer.start();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", async () => {
        const { method, url = "/" } = request;
        if (method === "PUT") {
          await fetch(`${behind.url}${url}`, { method, body: Buffer.concat(chunks) });
          response.writeHead(201).end();
        } else response.writeHead(302, { location: `${behind.url}${url}` }).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await push(url, [roots.chain]);
    server.closeAllConnections();
    server.close();
    expect(result).toMatchObject({ upload: { way: "nix", reason: expect.stringContaining("elsewhere") } });
    checkConsistency(behind.objects);
  });

  it("takes a NAR for there that the cache keeps at another server", async () => {
    await using behind = await BinaryCacheServer.start();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", async () => {
        const { method = "GET", url = "/" } = request;
        if (method !== "PUT" && url.startsWith("/nar/"))
          return response.writeHead(302, { location: `${behind.url}${url}` }).end();
        const body = method === "PUT" ? { body: Buffer.concat(chunks) } : {};
        const answer = await fetch(`${behind.url}${url}`, { method, ...body });
        return response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const way of ["first", "again"])
      expect([way, await push(url, [roots.chain])]).toMatchObject([
        way,
        { status: "pushed", upload: { way: "direct" } },
      ]);
    server.closeAllConnections();
    server.close();
  });

  it("finds the NAR that is lost of one path of many", async () => {
    await using server = await BinaryCacheServer.start();
    const paths = await store.addMany("many", 60);
    expect(await push(server.url, paths)).toMatchObject({ status: "pushed" });
    const nar = /^URL: (.*)$/mu.exec(server.narinfo(paths[50] ?? "") ?? "")?.[1];
    server.objects.delete(`/${nar}`);
    expect(await push(server.url, paths)).toMatchObject({ status: "pushed" });
    expect(server.objects.has(`/${nar}`)).toBe(true);
  });

  it("leaves a closure with a derivation in it to nix, before anything is sent", async () => {
    await using server = await BinaryCacheServer.start();
    const root = await buildOnDerivation(store, "on-derivation");
    await using registry = CacheRegistry.fromToml(toToml(server.url), {
      runtime: { env: store.env },
      stagingBytes: 1,
    });
    const result = await pushTo(registry, [root]);
    expect(result).toMatchObject({ status: "pushed", upload: { way: "nix" } });
    const begins = server.requests.findIndex(({ method }) => method === "PUT");
    expect(server.requests.slice(0, begins).filter(({ path }) => path === "/nix-cache-info")).toHaveLength(1);
  });

  describe("with stallTimeoutMs", () => {
    const pushWith = async (script: string): Promise<{ result: PushResult | undefined; tookMs: number }> => {
      const directory = await mkdtemp(join(tmpdir(), "eka-ci-slow-nix-"));
      const { stdout } = await run("sh", ["-c", "command -v nix"], { env: store.env });
      await writeFile(join(directory, "nix"), `#!/bin/sh\n${script}\nexec ${stdout.trim()} "$@"\n`, {
        mode: 0o755,
      });
      await using server = await BinaryCacheServer.start();
      const env = { ...store.env, PATH: `${directory}:${store.env["PATH"]}` };
      await using registry = CacheRegistry.fromToml(toToml(server.url), { runtime: { env } });
      const [path = ""] = await store.addMany(`slow-${script.length}`, 1);
      const start = performance.now();
      const result = await pushTo(registry, [path], { stallTimeoutMs: 1_000 });
      await rm(directory, { recursive: true });
      return { result, tookMs: performance.now() - start };
    };

    it("ends a nix that writes nothing", async () => {
      const { result, tookMs } = await pushWith('case "$*" in *" copy "*) exec sleep 20;; esac');
      expect(result).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_STALLED" } });
      expect(tookMs).toBeLessThan(10_000);
    }, 30_000);

    it("does not end a store that takes its time to tell the closure", async () => {
      const { result } = await pushWith('case "$*" in *path-info*) sleep 2;; esac');
      expect(result).toMatchObject({ status: "pushed", upload: { way: "direct" } });
    });
  });

  it("takes back the parts of a NAR whose reference failed", async () => {
    await using server = await StrictS3Server.start({
      override: ({ method, url = "" }) =>
        method === "PUT" && url.includes("/nar/") && !url.includes("uploadId") ? { status: 413 } : undefined,
    });
    const leaf = await store.add("leaf-of-parts", "content");
    const root = await buildOn(store, "root-of-parts", [leaf], 40_000_000);
    const destination = `s3://bucket?endpoint=${server.url}&region=${S3_REGION}&compression=none`;
    const source = 'credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }';
    const toml = toToml("", source).replace('"?compression=zstd"', `"${destination}"`);
    const keys = { AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey };
    await using registry = CacheRegistry.fromToml(toml, { runtime: { env: { ...store.env, ...keys } } });
    const result = await pushTo(registry, [root]);
    expect(result).toMatchObject({ status: "failed", error: { message: expect.stringContaining("413") } });
    expect(server.unfinished).toBe(0);
    expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toEqual([]);
  }, 30_000);

  describeWith("root", "with the rights to make it so", () => {
    it("fails for now on a full disk, and leaves the cache whole", async () => {
      const disk = await mkdtemp(join(tmpdir(), "eka-ci-disk-"));
      await run("mount", ["-t", "tmpfs", "-o", "size=256k,mode=777", "tmpfs", disk]);
      try {
        await using server = await BinaryCacheServer.start();
        const { randomBytes } = await import("node:crypto");
        const path = await store.add("too-large", randomBytes(20_000_000));
        const env = { ...store.env, TMPDIR: disk };
        await using registry = CacheRegistry.fromToml(toToml(server.url), { runtime: { env } });
        const result = await pushTo(registry, [path]);
        expect(result).toMatchObject({ status: "failed", storePaths: [], upload: { way: "nix" } });
        checkConsistency(server.objects);
        expect((await readdir(disk)).filter((name) => name.startsWith("eka-ci-caches-"))).toEqual([]);
      } finally {
        await run("umount", [disk]);
        await rm(disk, { recursive: true });
      }
    });

    it("works for a host without rights that reaches the store through the Nix daemon", async () => {
      const home = await mkdtemp(join(tmpdir(), "eka-ci-nobody-"));
      const socket = join(home, "socket");
      const daemonEnv = { ...store.env, HOME: home, NIX_DAEMON_SOCKET_PATH: socket };
      const daemon = spawn("nix-daemon", [], { env: daemonEnv, stdio: "ignore" });
      try {
        await using server = await BinaryCacheServer.start();
        await bundleHost(home);
        const temp = join(home, "tmp");
        await mkdir(temp);
        await chown(temp, 65_534, 65_534);
        // As /nix is: everybody may read the store.
        for (const directory of [home, dirname(store.env["NIX_STORE_DIR"] ?? "")])
          await chmod(directory, 0o755);
        const env = { ...daemonEnv, NIX_REMOTE: "daemon", HOME: temp, TMPDIR: temp };
        const host = spawn(
          process.execPath,
          [join(home, "host.mjs"), JSON.stringify({ toml: toToml(server.url), storePaths: [roots.wide] })],
          { env, uid: 65_534, gid: 65_534, cwd: temp, stdio: ["ignore", "pipe", "pipe"] },
        );
        let [output, errors] = ["", ""];
        host.stdout.on("data", (chunk) => (output += String(chunk)));
        host.stderr.on("data", (chunk) => (errors += String(chunk)));
        await once(host, "close");
        expect(errors).toBe("");
        expect(JSON.parse(output)).toMatchObject({ status: "pushed", upload: { way: "direct" } });
        checkConsistency(server.objects);
        expect(await readdir(temp)).toEqual([]);
      } finally {
        daemon.kill();
        await once(daemon, "close");
        await rm(home, { recursive: true, force: true });
      }
    }, 60_000);
  });
});

/** Brings the host into a directory that everybody may read, which the checkout need not be. */
async function bundleHost(directory: string): Promise<void> {
  await build({
    ...{ entry: { host: "test/integration/hosts/push-host.ts" }, outDir: directory, config: false },
    ...{ platform: "node", format: "esm", target: "node20", silent: true, noExternal: [/./u] },
    esbuildOptions: (options) => {
      options.alias = { "@eka-ci/caches": "./src/index.ts" };
      const lines = [
        'import { createRequire } from "node:module";',
        "const require = createRequire(import.meta.url);",
      ];
      options.banner = { js: lines.join("\n") };
    },
    outExtension: () => ({ js: ".mjs" }),
  });
  // Those that are looked up when they are needed.
  for (const name of ["toml", "picomatch", "@humanwhocodes/momoa"])
    await cp(join("node_modules", name), join(directory, "node_modules", name), { recursive: true });
}
