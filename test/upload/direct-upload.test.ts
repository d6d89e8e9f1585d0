import { setTimeout as sleep } from "node:timers/promises";
import { createNodeRuntime, createProcessExecutor } from "@eka-ci/caches";
import { createFakeClock } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BinaryCacheOptions, BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { fixedCredentials } from "../../src/binary-cache/cache-credentials.ts";
import { HttpBinaryCache } from "../../src/binary-cache/http-binary-cache.ts";
import { Presence } from "../../src/binary-cache/presence.ts";
import { SignatureRule } from "../../src/binary-cache/signature-rule.ts";
import { type DirectUploadOptions, uploadDirectly } from "../../src/upload/direct-upload.ts";
import { StagingArea, type StagingAreaOptions } from "../../src/upload/staging-area.ts";
import { askClosure } from "../support/ask-closure.ts";
import { buildChain, buildWide } from "../support/build-closure.ts";
import { checkConsistency } from "../support/check-consistency.ts";
import { describeEachNix } from "../support/requirement.ts";

const { http, clock, random } = createNodeRuntime();

type UploadOptions = Partial<DirectUploadOptions> & {
  readonly toOptions?: StagingAreaOptions["toOptions"];
  readonly disk?: string;
};

describeEachNix("a direct upload", (searchPath) => {
  let store: PrivateNixStore;
  let wide: string;
  let chain: string;
  let number = 0;
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    wide = await buildWide(store, "wide", 30);
    chain = await buildChain(store, "chain", 10);
  }, 120_000);
  afterAll(async () => {
    expect(await store.listWorkDirectories()).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  /** Refuses the NAR that comes first, whenever it comes. */
  const refuseFirstNar = (): BinaryCacheOptions["fail"] => {
    let refused = "";
    return ({ method, path }) => {
      if (method !== "PUT" || !path.startsWith("/nar/")) return undefined;
      refused ||= path;
      return path === refused ? 413 : undefined;
    };
  };

  const options = () => ({
    executor: createProcessExecutor({ runtime: { env: store.env } }),
    ...{ clock, hostSecrets: [], signal: undefined, remainingMs: 60_000, timeoutMs: 60_000 },
  });
  const broken = {
    execute: async () => ({
      ...({ outcome: "failed", exitCode: 1, signal: null, durationMs: 1 } as const),
      ...{ stdout: "", stderr: "error: writing to file: No space left on device", truncated: false },
    }),
  };

  async function upload(
    server: BinaryCacheServer,
    storePaths: readonly string[],
    { toOptions = options, disk = store.env["TMPDIR"] ?? "", ...more }: UploadOptions = {},
  ) {
    const session = http.connect?.({ maxConnections: 16 });
    if (session === undefined) throw new Error("Node has sessions");
    const quick = { ...random, fraction: () => 0 };
    const credentials = fixedCredentials(new Map());
    const cache = new HttpBinaryCache(`${server.url}/`, () => ({}), {
      ...{ session, clock, random: quick, credentials },
    });
    await using stage = new StagingArea({
      ...{ parents: { disk }, parameters: [{ name: "compression", value: "zstd" }], toOptions },
      storeDirectory: store.env["NIX_STORE_DIR"],
    });
    try {
      return await uploadDirectly({
        closure: await askClosure(store, storePaths),
        ...{ storePaths, cache, stage },
        upstream: new Set(),
        storeDirectory: store.env["NIX_STORE_DIR"],
        ...{ shareBytes: 1024 * 1024, maxRequests: 16, random, signal: new AbortController().signal },
        ...more,
      });
    } finally {
      session[Symbol.dispose]();
    }
  }

  const withServer = async (
    options: BinaryCacheOptions,
    work: (server: BinaryCacheServer) => Promise<void>,
  ) => {
    await using server = await BinaryCacheServer.start(options);
    await work(server);
    checkConsistency(server.objects);
  };

  it("brings the whole closure there, and then nothing more", () =>
    withServer({}, async (server) => {
      const first = await upload(server, [wide, chain]);
      expect(first).toMatchObject({ present: [wide, chain], complete: [wide, chain] });
      expect(first.error).toBeUndefined();
      const narinfos = [...server.objects.keys()].filter((key) => key.endsWith(".narinfo"));
      expect(narinfos).toHaveLength(41);
      server.requests.length = 0;
      expect(await upload(server, [wide, chain])).toMatchObject({ executions: [], complete: [wide, chain] });
      expect(server.requests.filter(({ method }) => method === "PUT")).toEqual([]);
    }));

  it("writes what nix writes, byte for byte", () =>
    withServer({}, async (direct) => {
      await upload(direct, [chain]);
      await using byNix = await BinaryCacheServer.start();
      const { execFile } = await import("node:child_process");
      const { promisify } = await import("node:util");
      const args = ["--extra-experimental-features", "nix-command", "copy", "--no-check-sigs"];
      await promisify(execFile)("nix", [...args, "--to", `${byNix.url}?compression=zstd`, chain], {
        env: { ...store.env, HOME: store.env["TMPDIR"] },
      });
      const toEntries = (server: BinaryCacheServer) =>
        [...server.objects].sort(([one], [other]) => (one < other ? -1 : 1));
      expect(toEntries(direct)).toEqual(toEntries(byNix));
    }));

  it("heals a cache that lost some of it, and asks for nothing twice that is there", () =>
    withServer({}, async (server) => {
      await upload(server, [wide]);
      const lost = [...server.objects.keys()].filter((key) => key.endsWith(".narinfo")).slice(3, 6);
      for (const key of lost) server.objects.delete(key);
      server.requests.length = 0;
      expect(await upload(server, [wide])).toMatchObject({ complete: [wide] });
      const put = server.requests.filter(({ method, path }) => method === "PUT" && path.endsWith(".narinfo"));
      expect(put.map(({ path }) => path).sort()).toEqual(lost.sort());
    }));

  describe("with a memory of what the cache had", () => {
    const pushTwice = async (server: BinaryCacheServer, between: () => void) => {
      const presence = new Presence(clock);
      await upload(server, [wide], { presence });
      const larger = await buildWide(store, "wide", 30, `larger-${number++}`);
      between();
      server.requests.length = 0;
      const outcome = await upload(server, [larger], { presence });
      return { outcome, larger, asked: server.requests.length };
    };

    it("asks for what is new, and a sample of the rest", () =>
      withServer({}, async (server) => {
        const { outcome, larger, asked } = await pushTwice(server, () => {});
        expect(outcome).toMatchObject({ complete: [larger] });
        // The first file, the new path and a sample of four, two NARs; NAR and narinfo, and a look at both.
        expect(asked).toBeLessThanOrEqual(12);
      }));

    it("asks for all that is remembered where a NAR is lost", () =>
      withServer({}, async (server) => {
        const { outcome, larger } = await pushTwice(server, () => {
          const ofOther = /^URL: (.*)$/mu.exec(server.narinfo(wide) ?? "")?.[1];
          for (const key of [...server.objects.keys()])
            if (key.startsWith("/nar/") && key !== `/${ofOther}`) server.objects.delete(key);
        });
        expect(outcome).toMatchObject({ complete: [larger] });
        expect([...server.objects.keys()].filter((key) => key.startsWith("/nar/"))).toHaveLength(32);
      }));

    it("heals a cache that was wiped", () =>
      withServer({}, async (server) => {
        const { outcome, larger } = await pushTwice(server, () => server.wipe());
        expect(outcome).toMatchObject({ complete: [larger] });
        expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo"))).toHaveLength(31);
      }));

    it("heals one that lost most of it", () =>
      withServer({}, async (server) => {
        const lose = (): void => {
          const keys = [...server.objects.keys()].filter((key) => key.endsWith(".narinfo"));
          for (const key of keys.slice(0, 30)) server.objects.delete(key);
        };
        const { outcome, larger } = await pushTwice(server, lose);
        expect(outcome).toMatchObject({ complete: [larger] });
        expect([...server.objects.keys()].filter((key) => key.endsWith(".narinfo")).length).toBeGreaterThan(
          30,
        );
      }));

    it("does not renew what is only remembered", () =>
      withServer({}, async (server) => {
        const time = createFakeClock();
        const presence = new Presence(time);
        const fixed = { ...random, fraction: () => 0 };
        await upload(server, [wide], { presence, random: fixed });
        const [, , lost = ""] = [...server.objects.keys()].filter((key) => key.endsWith(".narinfo"));
        server.objects.delete(lost);
        for (let round = 0; round < 3 && !server.objects.has(lost); round++) {
          time.advance(6 * 60_000);
          await upload(server, [wide], { presence, random: fixed });
        }
        expect(server.objects.has(lost)).toBe(true);
      }));

    it("asks for what was asked for in any case", () =>
      withServer({}, async (server) => {
        const presence = new Presence(clock);
        await upload(server, [wide], { presence });
        server.objects.delete(
          `/${wide.slice(wide.lastIndexOf("/") + 1, wide.lastIndexOf("/") + 33)}.narinfo`,
        );
        expect(await upload(server, [wide], { presence })).toMatchObject({ complete: [wide] });
        expect(server.narinfo(wide)).toBeDefined();
      }));
  });

  it("sends paths anew whose NAR was lost", () =>
    withServer({}, async (server) => {
      await upload(server, [chain]);
      for (const key of [...server.objects.keys()]) if (key.startsWith("/nar/")) server.objects.delete(key);
      expect(await upload(server, [chain])).toMatchObject({ complete: [chain] });
      expect([...server.objects.keys()].filter((key) => key.startsWith("/nar/"))).toHaveLength(10);
    }));

  it("asks nothing more when it is over", () => {
    const fail: BinaryCacheOptions["fail"] = ({ path }) => (path === "/nix-cache-info" ? 400 : undefined);
    return withServer({ fail }, async (server) => {
      await expect(upload(server, [wide], { maxRequests: 2 })).rejects.toMatchObject({
        answer: { status: 400 },
      });
      const asked = server.requests.length;
      await sleep(300);
      expect(server.requests.length - asked).toBeLessThanOrEqual(2);
    });
  });

  it("does not let nix push all of it again once something was sent", () =>
    withServer({}, async (server) => {
      let commands = 0;
      const outcome = await upload(server, [chain], {
        shareBytes: 300,
        // The third share cannot be staged any more.
        toOptions: () => ({
          ...options(),
          remainingMs: 60_000,
          ...(++commands > 4 ? { executor: broken } : {}),
        }),
      });
      expect(outcome).toMatchObject({ complete: [], error: { code: "ERR_PUSH_FAILED" } });
      expect(server.objects.size).toBeGreaterThan(1);
    }));

  it("blames no path for what another one failed of", () => {
    return withServer({ fail: refuseFirstNar() }, async (server) => {
      const outcome = await upload(server, [wide, chain]);
      expect(outcome.error?.storePaths).toEqual(
        [wide, chain].filter((path) => !outcome.complete.includes(path)),
      );
    });
  });

  it("says that what it put cannot be read back, and takes what was signed anew", () => {
    const fail: BinaryCacheOptions["fail"] = ({ method }) => (method === "GET" ? 403 : undefined);
    return withServer({ fail }, async (server) => {
      const outcome = await upload(server, [chain]);
      expect(outcome).toMatchObject({
        complete: [],
        error: { code: "ERR_PUSH_UNVERIFIED", storePaths: [chain] },
      });
      expect(server.narinfo(chain)).toBeDefined();
    });
  });

  it("stages in shares, so that little lies on the disk", () =>
    withServer({}, async (server) => {
      const outcome = await upload(server, [chain], { shareBytes: 300 });
      expect(outcome.complete).toEqual([chain]);
      expect(outcome.executions.length).toBeGreaterThan(3);
    }));

  it("lets a path that fails fail alone, with those that refer to it", () => {
    return withServer({ fail: refuseFirstNar() }, async (server) => {
      const outcome = await upload(server, [wide, chain]);
      expect(outcome.error).toMatchObject({ code: "ERR_PUSH_FAILED", answer: { status: 413 } });
      expect(outcome.complete).toHaveLength(1);
    });
  });

  it("says how large a NAR was that is not taken", () => {
    const fail: BinaryCacheOptions["fail"] = ({ method, path }) =>
      method === "PUT" && path.startsWith("/nar/") ? 413 : undefined;
    return withServer({ fail }, async (server) => {
      const { error } = await upload(server, [chain]);
      expect(error?.message).toMatch(/HTTP 413; the NAR has \d+ bytes/u);
    });
  });

  it.each([401, 403, 507])("gives up at once where the server refuses everything (%i)", (status) => {
    const fail: BinaryCacheOptions["fail"] = ({ method }) => (method === "PUT" ? status : undefined);
    return withServer({ fail }, async (server) => {
      await expect(upload(server, [wide])).rejects.toMatchObject({ answer: { status } });
      expect(server.requests.filter(({ method }) => method === "PUT")).toHaveLength(1);
    });
  });

  it("goes on where one request in ten fails for now", () => {
    let count = 0;
    const fail: BinaryCacheOptions["fail"] = () => (++count % 10 === 0 ? 503 : undefined);
    return withServer({ fail }, async (server) => {
      expect(await upload(server, [wide, chain])).toMatchObject({ complete: [wide, chain] });
    });
  });

  it("calls nothing there that a server answers with a page", () =>
    withServer({}, async (server) => {
      const { hash } = { hash: wide.slice(wide.lastIndexOf("/") + 1).slice(0, 32) };
      server.objects.set(`/${hash}.narinfo`, Buffer.from("<html>Welcome</html>"));
      expect(await upload(server, [wide])).toMatchObject({ complete: [wide] });
      expect(server.narinfo(wide)).toContain(`StorePath: ${wide}`);
    }));

  it("refuses the cache of a store in another directory", () =>
    withServer({}, async (server) => {
      server.objects.set("/nix-cache-info", Buffer.from("StoreDir: /elsewhere/store\n"));
      await expect(upload(server, [chain])).rejects.toMatchObject({ code: "ERR_CACHE_INCOMPATIBLE" });
      expect(server.objects.size).toBe(1);
    }));

  it("sends nothing that lacks the signature that is asked for", () =>
    withServer({}, async (server) => {
      const outcome = await upload(server, [chain], {
        signatureRule: new SignatureRule({ requireSignature: "ci.example.org-1" }),
      });
      expect(outcome).toMatchObject({
        complete: [],
        error: { code: "ERR_SIGNATURE_MISSING", storePaths: [chain] },
      });
      expect(server.objects.size).toBe(0);
    }));

  it("says that nothing was sent where nix cannot stage", () =>
    withServer({}, async (server) => {
      await expect(upload(server, [chain], { disk: "/nonexistent" })).rejects.toMatchObject({
        name: "StagingError",
      });
      expect(server.objects.size).toBe(0);
    }));

  describe("that is aborted", () => {
    it.each([0, 2, 5, 9, 14])("after %i uploads leaves a consistent cache", (count) => {
      const controller = new AbortController();
      let puts = 0;
      const fail: BinaryCacheOptions["fail"] = ({ method }) => {
        if (method === "PUT" && puts++ === count) controller.abort(new Error("enough"));
        return undefined;
      };
      return withServer({ fail }, async (server) => {
        await expect(upload(server, [chain], { signal: controller.signal })).rejects.toThrow("enough");
      });
    });
  });
});
