import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import {
  type AuditEvent,
  CacheRegistry,
  createGcRoots,
  createMemoryJournal,
  createProcessExecutor,
  type Executor,
  type PromotionRequest,
  PushQueue,
  type PushResult,
} from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BinaryCacheOptions, BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore, type StoreKey } from "../../examples/support/private-nix-store.ts";
import { buildChain } from "../support/build-closure.ts";
import { checkConsistency } from "../support/check-consistency.ts";
import { describeEachNix } from "../support/requirement.ts";

const run = promisify(execFile);
const hasZstd = "createZstdDecompress" in zlib;
const SOURCE = { username: "reader", password: "canary-of-the-source" };
const TARGET = { username: "writer", password: "canary-of-the-target" };
const basic = ({ username, password }: typeof SOURCE): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
const ABOUT = { repository: "o/r", ref: { type: "tag", name: "v1" } } as const;

/** What is promoted needs no local store, and no command. */
const idle: Executor = {
  sharesDisk: true,
  execute: () => Promise.reject(new Error("A promotion runs no command")),
};

describeEachNix("promotion", (searchPath) => {
  let store: PrivateNixStore;
  let path: string;
  let environment: Record<string, string>;
  const keys: Record<string, StoreKey> = {};
  const inTemporary = (name: string): string => join(store.env["TMPDIR"] ?? "", name);
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
    environment = { ...store.env, HOME: store.env["TMPDIR"] ?? "" };
    path = await buildChain(store, "promoted", 4);
    for (const name of ["ci-1", "other-1", "release-1"]) keys[name] = await store.generateKey(name);
    for (const [name, { username, password }] of Object.entries({ source: SOURCE, target: TARGET })) {
      const text = `HTTP_USERNAME=${username}\nHTTP_PASSWORD=${password}\n`;
      await writeFile(inTemporary(`${name}.env`), text, { mode: 0o600 });
    }
  }, 120_000);
  afterAll(async () => {
    expect(await store.listWorkDirectories()).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  interface Rules {
    /** Parameters of the staging cache, as in `?compression=xz`. */
    readonly parameters?: string;
    /** The rules of production; default those that let paths of staging in. */
    readonly production?: string;
    readonly executor?: Executor;
  }

  const fromStaging = (key = "ci-1"): string =>
    `promote_from = [{ cache = "staging", require_signature = "${keys[key]?.pub}" }]`;

  class Caches implements AsyncDisposable {
    readonly events: AuditEvent[] = [];
    readonly source: BinaryCacheServer;
    readonly target: BinaryCacheServer;

    constructor(source: BinaryCacheServer, target: BinaryCacheServer) {
      this.source = source;
      this.target = target;
    }

    static async start(options: BinaryCacheOptions = {}): Promise<Caches> {
      const source = await BinaryCacheServer.start({ credentials: SOURCE, ...options });
      return new Caches(source, await BinaryCacheServer.start({ credentials: TARGET }));
    }

    registry({ parameters = "", production = fromStaging(), executor }: Rules = {}): CacheRegistry {
      const cache = (id: string, url: string, login: string): string => `
        [[caches]]
        id = "${id}"
        cache_type = "nix-copy"
        destination = "${url}"
        credentials = { file = { path = "${inTemporary(`${login}.env`)}" } }`;
      const keysOfHost = { CI_KEY: keys["ci-1"]?.secret ?? "", RELEASE_KEY: keys["release-1"]?.secret ?? "" };
      return CacheRegistry.fromToml(
        `[security]
         allow_private_cache_hosts = true
         ${cache("staging", `${this.source.url}${parameters}`, "source")}
         permissions = { allow_all = true }
         signing_key = { env = { vars = ["CI_KEY"] } }
         ${cache("production", this.target.url, "target")}
         permissions = { allow_all = false, allowed_repos = ["o/*"] }
         ${production}`,
        {
          ...(executor === undefined ? {} : { executor }),
          runtime: { env: { ...store.env, ...keysOfHost } },
          auditSinks: [{ write: (event) => void this.events.push(event) }],
        },
      );
    }

    /** Pushes to staging, as a build of a branch does. */
    async fill(rules: Rules = {}): Promise<void> {
      await using registry = this.registry(rules);
      const { ok } = await registry.push({ ...ABOUT, job: "build", caches: ["staging"], storePaths: [path] });
      expect(ok).toBe(true);
      this.source.requests.length = 0;
      this.events.length = 0;
    }

    async promote(rules: Rules = {}, more: Partial<PromotionRequest> = {}): Promise<PushResult> {
      await using registry = this.registry({ executor: idle, ...rules });
      const request = { ...ABOUT, from: "staging", to: "production", storePaths: [path], ...more };
      const report = await registry.promote(request);
      const said = JSON.stringify([report, this.events]);
      for (const { password } of [SOURCE, TARGET]) expect(said).not.toContain(password);
      checkConsistency(this.target.objects);
      const [result] = report.results;
      if (result === undefined) throw new Error("A promotion has one result");
      expect(report.ok).toBe(result.status === "pushed");
      return result;
    }

    /** Changes what staging says of the path. */
    alterNarinfo(pattern: RegExp, replacement: string): void {
      const key = `/${path.split("/").at(-1)?.slice(0, 32)}.narinfo`;
      const narinfo = this.source.narinfo(path) ?? "";
      expect(narinfo).toMatch(pattern);
      this.source.objects.set(key, Buffer.from(narinfo.replace(pattern, replacement)));
    }

    /** The place of the path's NAR in staging. */
    get nar(): string {
      return `/${/^URL: (.*)$/mu.exec(this.source.narinfo(path) ?? "")?.[1]}`;
    }

    async [Symbol.asyncDispose](): Promise<void> {
      await this.source[Symbol.asyncDispose]();
      await this.target[Symbol.asyncDispose]();
    }
  }

  it.runIf(!hasZstd)("says where this Node.js cannot read zstd", async () => {
    await using caches = await Caches.start();
    await caches.fill({ parameters: "?compression=zstd" });
    expect(await caches.promote()).toMatchObject({
      error: { code: "ERR_PROMOTION_CORRUPT", message: expect.stringContaining("22.15") },
    });
  });

  it.each(["none", "xz", ...(hasZstd ? ["zstd"] : []), "gzip", "br"])(
    "brings a closure in %s without the local store",
    async (name) => {
      await using caches = await Caches.start();
      await caches.fill({ parameters: `?compression=${name}` });
      const { source, target, events } = caches;
      const extra = `${fromStaging()}\nsigning_key = { env = { vars = ["RELEASE_KEY"] } }`;
      expect(await caches.promote({ production: extra })).toMatchObject({
        ...{ status: "pushed", confirmedPaths: [path], upload: { way: "direct" }, signedBy: "release-1" },
        executions: [],
      });
      const narinfos = [...target.objects].filter(([key]) => key.endsWith(".narinfo"));
      expect(narinfos).toHaveLength(4);
      for (const [, body] of narinfos)
        expect(body.toString()).toMatch(/^Sig: ci-1:\S+\nSig: release-1:\S+$/mu);
      expect(new Set(source.requests.map(({ authorization }) => authorization))).toEqual(
        new Set([basic(SOURCE)]),
      );
      expect(new Set(target.requests.map(({ authorization }) => authorization))).toEqual(
        new Set([basic(TARGET)]),
      );
      expect(source.requests.every(({ method }) => method === "GET")).toBe(true);
      expect(events.map(({ type, promotedFrom }) => [type, promotedFrom])).toEqual([
        ["permission.decided", "staging"],
        ["push.dispatched", "staging"],
        ["push.started", "staging"],
        ["credentials.resolved", "staging"],
        ["credentials.resolved", "staging"],
        ["credentials.resolved", "staging"],
        ["push.finished", "staging"],
      ]);
      const resolved = events.flatMap((event) =>
        event.type === "credentials.resolved" ? [event.cacheId] : [],
      );
      expect(resolved).toEqual(["staging", "production", "production"]);
    },
    60_000,
  );

  it("brings what Nix itself takes and verifies", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    await caches.promote();
    await using open = await BinaryCacheServer.start();
    for (const [key, body] of caches.target.objects) open.objects.set(key, body);
    const options = ["--extra-experimental-features", "nix-command", "--option", "substituters", ""];
    const verify = ["store", "verify", "--recursive", "--store", open.url, "--sigs-needed", "1"];
    const trust = ["--option", "trusted-public-keys", keys["ci-1"]?.pub ?? "", path];
    await run("nix", [...options, ...verify, ...trust], { env: environment });
  }, 60_000);

  it("is denied where the target does not name the source, or does not admit the request: nothing is asked", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const results = [
      await caches.promote({ production: "" }),
      await caches.promote({}, { from: "nowhere" }),
      await caches.promote({}, { from: "production", to: "staging" }),
      await caches.promote({}, { to: "nowhere" }),
      await caches.promote({}, { repository: "stranger/r" }),
      await caches.promote({}, JSON.parse('{ "from": null }')),
    ];
    expect(results.map((result) => result.status === "denied" && result.decision.reason)).toEqual([
      "promotion-not-allowed",
      "promotion-not-allowed",
      "promotion-not-allowed",
      "unknown-cache",
      "repository-not-allowed",
      "promotion-not-allowed",
    ]);
    expect([...caches.source.requests, ...caches.target.requests]).toEqual([]);
  }, 60_000);

  const isNotThere = { status: "failed", storePaths: [], confirmedPaths: [] };

  it.each<[what: string, code: string, change: (caches: Caches) => void]>([
    [
      "a narinfo without a signature",
      "ERR_SIGNATURE_MISSING",
      (caches) => caches.alterNarinfo(/^Sig: .*\n/mu, ""),
    ],
    [
      "a narinfo whose size was changed",
      "ERR_SIGNATURE_MISSING",
      (caches) => caches.alterNarinfo(/^NarSize: /mu, "NarSize: 1"),
    ],
    [
      "a narinfo whose references were changed",
      "ERR_SIGNATURE_MISSING",
      (caches) => caches.alterNarinfo(/^References: .*/mu, "References: "),
    ],
    [
      "a NAR of another content",
      "ERR_PROMOTION_CORRUPT",
      (caches) => {
        const other = [...caches.source.objects].find(
          ([key]) => key.startsWith("/nar/") && key !== caches.nar,
        );
        caches.source.objects.set(caches.nar, other?.[1] ?? Buffer.alloc(0));
      },
    ],
    [
      "a NAR that is cut off",
      "ERR_PROMOTION_CORRUPT",
      (caches) =>
        caches.source.objects.set(
          caches.nar,
          caches.source.objects.get(caches.nar)?.subarray(0, 40) ?? Buffer.alloc(0),
        ),
    ],
    [
      "a NAR with something behind it",
      "ERR_PROMOTION_CORRUPT",
      (caches) =>
        caches.source.objects.set(
          caches.nar,
          Buffer.concat([caches.source.objects.get(caches.nar) ?? Buffer.alloc(0), Buffer.from("more")]),
        ),
    ],
    ["a NAR that is gone", "ERR_PROMOTION_SOURCE", (caches) => caches.source.objects.delete(caches.nar)],
    [
      "a path that is gone",
      "ERR_PROMOTION_SOURCE",
      (caches) => {
        for (const key of caches.source.objects.keys())
          if (key.endsWith(".narinfo")) caches.source.objects.delete(key);
      },
    ],
    [
      "a NAR at another address",
      "ERR_PROMOTION_CORRUPT",
      (caches) => caches.alterNarinfo(/^URL: .*/mu, "URL: ../../etc/passwd"),
    ],
  ])(
    "%s stops it with %s",
    async (_what, code, change) => {
      await using caches = await Caches.start();
      await caches.fill();
      change(caches);
      // Nothing refers to the path itself, and what it refers to may have come before.
      expect(await caches.promote()).toMatchObject({ ...isNotThere, error: { code } });
      expect(caches.target.narinfo(path)).toBeUndefined();
    },
    60_000,
  );

  it("wants the key that the target names, and no other", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const result = await caches.promote({ production: fromStaging("other-1") });
    expect(result).toMatchObject({ ...isNotThere, error: { code: "ERR_SIGNATURE_MISSING" } });
    expect(caches.target.objects.size).toBe(0);
  }, 60_000);

  it("takes what the source lacks for there where the target has it, and says so where it does not", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    await caches.promote();
    const { source, target } = caches;
    const references = /^References: (\S{32})/mu.exec(source.narinfo(path) ?? "")?.[1];
    source.objects.delete(`/${references}.narinfo`);
    target.objects.delete(`/${path.split("/").at(-1)?.slice(0, 32)}.narinfo`);
    expect(await caches.promote()).toMatchObject({ status: "pushed", confirmedPaths: [path] });
    target.wipe();
    expect(await caches.promote()).toMatchObject({ ...isNotThere, error: { code: "ERR_PROMOTION_SOURCE" } });
  }, 60_000);

  it("keeps the rules of the target, of a closure that is known whole", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const denying = `${fromStaging()}\ndeny_paths = ["promoted-0"]`;
    expect(await caches.promote({ production: denying })).toMatchObject({
      error: { code: "ERR_CLOSURE_REFUSED", message: expect.stringContaining("promoted-1 -> ") },
    });
    caches.source.objects.delete(
      `/${/^References: (\S{32})/mu.exec(caches.source.narinfo(path) ?? "")?.[1]}.narinfo`,
    );
    expect(await caches.promote({ production: denying })).toMatchObject({
      error: { code: "ERR_CLOSURE_UNKNOWN" },
    });
    expect(caches.target.requests).toEqual([]);
  }, 60_000);

  it("follows a NAR to where the source keeps it, and no credentials follow", async () => {
    const nars = new Map<string, Buffer>();
    const seen: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(nars.get(request.url ?? ""));
    }).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const { port } = elsewhere.address() as AddressInfo;
    await using caches = await Caches.start({
      redirect: ({ path: asked }) => (nars.has(asked) ? `http://localhost:${port}${asked}` : undefined),
    });
    await caches.fill();
    for (const [key, body] of caches.source.objects) if (key.startsWith("/nar/")) nars.set(key, body);
    expect(await caches.promote()).toMatchObject({ status: "pushed" });
    expect(seen.length).toBe(nars.size);
    expect(new Set(seen)).toEqual(new Set([undefined]));
    elsewhere.close();
    elsewhere.closeAllConnections();
  }, 60_000);

  it("counts nothing as complete of which the target lacks a part, whatever the source hides", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    await caches.promote();
    const { source, target } = caches;
    const own = /^References: (\S+)/mu.exec(source.narinfo(path) ?? "")?.[1] ?? "";
    const below = /^References: (\S+)/mu.exec(source.narinfo(`/${own}`) ?? "")?.[1] ?? "";
    source.objects.delete(`/${own.slice(0, 32)}.narinfo`);
    target.objects.delete(`/${below.slice(0, 32)}.narinfo`);
    await using registry = caches.registry({ executor: idle });
    const request = { ...ABOUT, from: "staging", to: "production", storePaths: [path] };
    const { results } = await registry.promote(request);
    expect(results).toMatchObject([
      {
        status: "failed",
        confirmedPaths: [],
        error: { code: "ERR_PROMOTION_SOURCE", storePaths: [`${store.env["NIX_STORE_DIR"]}/${below}`] },
      },
    ]);
  }, 60_000);

  it("tells of what was brought before another path failed", async () => {
    await using caches = await Caches.start();
    const first = await store.add("first.bin", randomBytes(900_000));
    const second = await store.add("second.bin", randomBytes(900_000));
    await using registry = caches.registry({ production: `${fromStaging()}\nstaging_size = "1 MiB"` });
    const about = { ...ABOUT, job: "build", storePaths: [first, second] };
    await registry.push({ ...about, caches: ["staging"] });
    const url = /^URL: (.*)$/mu.exec(caches.source.narinfo(second) ?? "")?.[1];
    caches.source.objects.set(`/${url}`, Buffer.from("damaged"));
    const { results } = await registry.promote({ ...about, from: "staging", to: "production" });
    expect(results).toMatchObject([
      {
        status: "failed",
        storePaths: [first],
        confirmedPaths: [first],
        error: { code: "ERR_PROMOTION_CORRUPT" },
      },
    ]);
  }, 60_000);

  it("takes no signature along that it has not verified", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const forged = `approved-1:${Buffer.alloc(64).toString("base64")}`;
    caches.alterNarinfo(/^Sig: /mu, `Sig: ${forged}\nSig: `);
    const asking = `${fromStaging()}\nrequire_signature = "approved-1"`;
    expect(await caches.promote({ production: asking })).toMatchObject({
      error: { code: "ERR_SIGNATURE_MISSING" },
    });
    expect(await caches.promote()).toMatchObject({ status: "pushed" });
    expect(caches.target.narinfo(path)).not.toContain(forged);
  }, 60_000);

  it("says why, whichever rules of the target ask for the closure", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    caches.alterNarinfo(/^Sig: .*\n/mu, "");
    const bounded = `${fromStaging()}\nmax_paths = 100`;
    expect(await caches.promote({ production: bounded })).toMatchObject({
      error: { code: "ERR_SIGNATURE_MISSING" },
    });
  }, 60_000);

  it("ends in time while it decompresses", async () => {
    await using caches = await Caches.start();
    const large = await store.add("zeros.bin", Buffer.alloc(400_000_000));
    await using registry = caches.registry({ parameters: "?compression=gzip" });
    const about = { ...ABOUT, job: "build", storePaths: [large] };
    await registry.push({ ...about, caches: ["staging"] });
    const startedAt = performance.now();
    const request = { ...about, from: "staging", to: "production" };
    const { results } = await registry.promote(request, { timeoutMs: 500 });
    expect(results).toMatchObject([{ status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } }]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await store.delete(large);
  }, 120_000);

  it("reads a cache of Attic with its token, as its own readers do", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const token = "canary-of-attic";
    await using attic = await BinaryCacheServer.start({ credentials: { username: "", password: token } });
    for (const [key, body] of caches.source.objects) attic.objects.set(`/team${key}`, body);
    await using target = await BinaryCacheServer.start();
    await using registry = CacheRegistry.fromToml(
      `[security]
       allow_private_cache_hosts = true
       [[caches]]
       id = "attic"
       cache_type = "attic"
       destination = "${attic.url}/team"
       credentials = { env = { vars = ["ATTIC_TOKEN"] } }
       permissions = { allow_all = true }
       [[caches]]
       id = "production"
       cache_type = "nix-copy"
       destination = "${target.url}"
       credentials = "none"
       permissions = { allow_all = true }
       promote_from = [{ cache = "attic", require_signature = "${keys["ci-1"]?.pub}" }]`,
      { executor: idle, runtime: { env: { ...store.env, ATTIC_TOKEN: token } } },
    );
    const request = { ...ABOUT, from: "attic", to: "production", storePaths: [path] };
    const report = await registry.promote(request);
    expect(report).toMatchObject({ ok: true, results: [{ status: "pushed", confirmedPaths: [path] }] });
    expect(JSON.stringify(report)).not.toContain(token);
    expect(target.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  }, 60_000);

  it("goes through a queue beside pushes of the same repository", async () => {
    await using caches = await Caches.start();
    await caches.fill();
    const own = await buildChain(store, "pushed", 1);
    await using registry = caches.registry();
    await mkdir(inTemporary("roots"));
    const executor = createProcessExecutor({ runtime: { env: store.env } });
    const gcRoots = createGcRoots({
      directory: inTemporary("roots"),
      executor,
      storeDirectory: store.env["NIX_STORE_DIR"],
    });
    await using queue = new PushQueue(registry, { journal: createMemoryJournal(), gcRoots });
    const absent = path.replace(/promoted-\d$/u, "never-built");
    const [promoted, pushed, denied, unknown] = await Promise.all([
      queue.enqueue({
        ...ABOUT,
        kind: "promotion",
        from: "staging",
        to: "production",
        storePaths: [path],
        pushId: "p-1",
      }),
      queue.enqueue({ ...ABOUT, job: "build", caches: ["production"], storePaths: [own] }),
      queue.enqueue({ ...ABOUT, kind: "promotion", from: "production", to: "staging", storePaths: [absent] }),
      queue.enqueue(
        JSON.parse(
          JSON.stringify({ ...ABOUT, kind: "theft", caches: ["production"], job: "j", storePaths: [own] }),
        ),
      ),
    ]);
    expect((await promoted.done).results).toMatchObject([{ status: "pushed", confirmedPaths: [path] }]);
    expect((await pushed.done).results).toMatchObject([{ status: "pushed", confirmedPaths: [own] }]);
    expect((await denied.done).results).toMatchObject([
      { status: "denied", decision: { reason: "promotion-not-allowed" } },
    ]);
    expect((await unknown.done).results).toMatchObject([
      { status: "denied", decision: { reason: "invalid-request" } },
    ]);
    expect(
      caches.events.some(({ promotedFrom, attempt }) => promotedFrom === "staging" && attempt === 1),
    ).toBe(true);
  }, 60_000);
});
