import {
  type AuditEvent,
  type CacheDefinition,
  CacheRegistry,
  PushQueue,
  type PushRequest,
  type PushResult,
} from "@eka-ci/caches";
import { createRecordingExecutor, type ScriptedResult } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { ClosureGuard } from "../../src/registry/closure-guard.ts";
import { startServer } from "../integration/servers/loopback-server.ts";
import { trackServers } from "../support/opened-servers.ts";

const toPath = (name: string): string => `/nix/store/${name[0]?.repeat(32)}-${name}`;
const APP = toPath("app");
const LIB = toPath("lib-secrets-1");
const SOURCE = toPath("source");
const IMAGE = toPath("image.iso");
/** Sizes and references, as the store tells them. */
const STORE: Readonly<Record<string, { narSize: number; references: readonly string[] }>> = {
  [APP]: { narSize: 2_000_000, references: [APP, LIB] },
  [LIB]: { narSize: 1_000_000, references: [] },
  [SOURCE]: { narSize: 500, references: [] },
  [IMAGE]: { narSize: 5_000_000, references: [SOURCE] },
};

const servers = trackServers();

const toToml = (rules: string): string => `
[security]
allow_private_cache_hosts = true
[[caches]]
id = "team"
cache_type = "cachix"
destination = "team"
credentials = { env = { vars = ["CACHIX_AUTH_TOKEN"] } }
permissions = { allow_all = true }
${rules}
`;

function toClosure(roots: readonly string[]): string {
  const found = new Set<string>(roots);
  for (const path of found) for (const reference of STORE[path]?.references ?? []) found.add(reference);
  return JSON.stringify(Object.fromEntries([...found].map((path) => [path, STORE[path]])));
}

function setUp(rules: string, respond?: (args: readonly string[]) => ScriptedResult | undefined) {
  const executor = createRecordingExecutor({
    respond: ({ args, file }) => {
      const texts = args.map(String);
      const scripted = respond?.([file, ...texts]);
      if (scripted !== undefined) return scripted;
      if (texts.includes("path-info") && texts.includes("--recursive"))
        return { stdout: toClosure(texts.slice(texts.indexOf("--") + 1)) };
      return undefined;
    },
  });
  const events: AuditEvent[] = [];
  const warnings: string[] = [];
  const registry = CacheRegistry.fromToml(toToml(rules), {
    executor,
    runtime: { env: { CACHIX_AUTH_TOKEN: "t" }, warn: (text) => void warnings.push(text) },
    auditSinks: [{ write: (event) => void events.push(event) }],
    verify: "never",
  });
  const pushed = () =>
    executor.commands
      .filter(({ file, args }) => file === "cachix" && args.includes("push"))
      .map(({ args }) => args.slice(args.indexOf("team") + 1));
  return { registry, executor, events, warnings, pushed };
}

const toRequest = (...storePaths: readonly string[]): PushRequest => ({
  ...{ repository: "o/r", job: "j", caches: ["team"], storePaths },
});
const errorOf = (result: PushResult | undefined) =>
  result?.status === "failed" ? [result.error.code, result.error.message] : result?.status;

describe("filters", () => {
  it("leave paths out by name and by size, and push the others", async () => {
    const { registry, pushed, events } = setUp('exclude = ["source", "*.txt"]\nmax_nar_size = "4 MB"');
    const report = await registry.push(toRequest(APP, SOURCE, IMAGE));
    expect(report).toMatchObject({
      ok: true,
      results: [
        {
          status: "pushed",
          storePaths: [APP],
          confirmedPaths: [APP],
          skippedPaths: [
            { path: SOURCE, reason: "excluded" },
            { path: IMAGE, reason: "too-large" },
          ],
        },
      ],
    });
    expect(pushed()).toEqual([[APP]]);
    expect(events.at(-1)).toMatchObject({ type: "push.finished", status: "pushed" });
  });

  it("that leave everything out read no credential and run no tool", async () => {
    const { registry, executor, events } = setUp('exclude = ["*"]');
    const report = await registry.push(toRequest(APP, SOURCE));
    expect(report).toMatchObject({ ok: true, results: [{ status: "skipped", storePaths: [] }] });
    expect(executor.commands).toEqual([]);
    expect(events.map(({ type }) => type)).not.toContain("credentials.resolved");
    expect(events.at(-1)).toMatchObject({ type: "push.finished", status: "skipped" });
  });

  it("leave to an upstream what it has, and ask it without credentials", async () => {
    const upstream = await servers.keep(
      startServer(({ url }) => {
        const path = Object.keys(STORE).find((known) => url.pathname.includes(known.slice(11, 43)));
        if (path !== SOURCE) return { status: 404 };
        const hash = `sha256:${"0".repeat(52)}`;
        return {
          status: 200,
          body: `StorePath: ${path}\nURL: nar/x\nCompression: none\nNarHash: ${hash}\nNarSize: 1\nReferences: \n`,
        };
      }),
    );
    const { registry, pushed } = setUp(`upstream_caches = ["${upstream.url}"]`);
    const report = await registry.push(toRequest(APP, SOURCE));
    expect(report.results[0]).toMatchObject({
      status: "pushed",
      confirmedPaths: [APP],
      skippedPaths: [{ path: SOURCE, reason: "upstream" }],
    });
    expect(pushed()).toEqual([[APP]]);
    // What pushed paths refer to goes along with a tool, so it is not asked for.
    expect(upstream.requests.map(({ url }) => url.pathname).sort()).toEqual(
      [APP, SOURCE].map((path) => `/${path.slice(11, 43)}.narinfo`).sort(),
    );
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it("push everything where an upstream does not answer, and say so", async () => {
    const upstream = await servers.keep(startServer(() => ({ status: 400 })));
    const { registry, pushed, warnings } = setUp(`upstream_caches = ["${upstream.url}"]`);
    expect((await registry.push(toRequest(SOURCE))).results[0]).toMatchObject({ status: "pushed" });
    expect(pushed()).toEqual([[SOURCE]]);
    expect(warnings).toEqual([expect.stringContaining("it counts as empty")]);
  });
});

describe("what is left out", () => {
  const gone = (args: readonly string[]): ScriptedResult | undefined => {
    if (args[0] === "nix-store" && args.includes("--check-validity"))
      return { stdout: args.filter((arg) => arg === SOURCE).join("\n") };
    if (args.includes("--recursive") && args.includes(SOURCE)) return { exitCode: 1, outcome: "failed" };
    return undefined;
  };

  it("need not be in the store, and spoils nothing else", async () => {
    const { registry } = setUp('exclude = ["source"]', gone);
    const { ok, results } = await registry.push(toRequest(SOURCE, APP));
    expect([ok, results[0]]).toMatchObject([true, { status: "pushed", confirmedPaths: [APP] }]);
    await using queue = new PushQueue(registry, { lingerMs: 20 });
    const tickets = await Promise.all([SOURCE, APP].map((path) => queue.enqueue(toRequest(path))));
    const reports = await Promise.all(tickets.map(({ done }) => done));
    expect(reports.map((report) => report.results[0]?.status)).toEqual(["skipped", "pushed"]);
    expect(await queue.deadLetters()).toEqual([]);
  });

  it("by an upstream that hangs costs a part of the time, once", async () => {
    const upstream = await servers.keep(startServer(() => undefined));
    const { registry, warnings } = setUp(`upstream_caches = ["${upstream.url}"]`);
    const start = performance.now();
    const push = async () =>
      (await registry.push(toRequest(SOURCE), { timeoutMs: 4_000 })).results[0]?.status;
    expect(await push()).toBe("pushed");
    expect(performance.now() - start).toBeLessThan(3_500);
    const requests = upstream.requests.length;
    expect(await push()).toBe("pushed");
    expect([upstream.requests.length, warnings.length]).toEqual([requests, 1]);
  }, 20_000);

  it("by an upstream keeps nothing of its answers, however large they are", async () => {
    const large = "x".repeat(900_000);
    const upstream = await servers.keep(
      startServer(({ url }) => {
        const path = paths.find((known) => url.pathname.includes(known.slice(11, 43)));
        const hash = `sha256:${"0".repeat(52)}`;
        const head = `StorePath: ${path}\nURL: nar/x\nNarHash: ${hash}\nNarSize: 1\n`;
        return { status: 200, body: `${head}References: ${large}\n` };
      }),
    );
    const paths = Array.from(
      { length: 300 },
      (_path, index) => `/nix/store/${String(index).padStart(32, "0")}-p`,
    );
    const { registry } = setUp(`upstream_caches = ["${upstream.url}"]`);
    upstream.requests.length = 0;
    const { results } = await registry.push(toRequest(...paths));
    expect(results[0]).toMatchObject({ status: "skipped" });
  }, 60_000);
});

describe("the guard on the closure", () => {
  it("stops a push whose closure has a denied path, and shows why it is in there", async () => {
    const { registry, executor, events } = setUp('deny_paths = ["*-secrets-*"]');
    const { ok, results } = await registry.push(toRequest(APP));
    expect(ok).toBe(false);
    expect(errorOf(results[0])).toEqual([
      "ERR_CLOSURE_REFUSED",
      `The closure has a path that matches "*-secrets-*" of deny_paths: ${APP} -> ${LIB}`,
    ]);
    expect(executor.commands.map(({ file }) => file)).toEqual(["nix"]);
    expect(events.map(({ type }) => type)).not.toContain("credentials.resolved");
  });

  it.each([
    ['max_closure_size = "2 MiB"', "The closure has 3000000 bytes, and max_closure_size is 2097152"],
    ["max_paths = 1", "The closure has 2 store paths, and max_paths is 1"],
  ])("stops one beyond %s", async (rule, message) => {
    const { registry, pushed } = setUp(rule);
    expect(errorOf((await registry.push(toRequest(APP))).results[0])).toEqual([
      "ERR_CLOSURE_REFUSED",
      message,
    ]);
    expect(pushed()).toEqual([]);
  });

  it.each(["max_paths = 2", 'max_closure_size = "3 MB"', 'deny_paths = ["lib"]'])(
    "lets %s pass",
    async (rule) => {
      const { registry } = setUp(rule);
      expect((await registry.push(toRequest(APP))).ok).toBe(true);
    },
  );

  it("does not look at what is left out", async () => {
    const { registry } = setUp('deny_paths = ["*-secrets-*"]\nexclude = ["app"]');
    expect((await registry.push(toRequest(APP, SOURCE))).results[0]).toMatchObject({
      status: "pushed",
      confirmedPaths: [SOURCE],
    });
  });

  it("lets nothing pass where the store does not tell the closure", async () => {
    const { registry, pushed } = setUp("max_paths = 10", (args) =>
      args.includes("--recursive") ? { stdout: "not JSON" } : undefined,
    );
    expect(errorOf((await registry.push(toRequest(SOURCE))).results[0])).toEqual([
      "ERR_CLOSURE_UNKNOWN",
      expect.stringContaining("Rules of the cache depend on the closure"),
    ]);
    expect(pushed()).toEqual([]);
  });

  it("judges each request for itself, however many share a command", async () => {
    const { registry, pushed } = setUp("max_paths = 2");
    const requests = [APP, IMAGE, SOURCE].map((path) => toRequest(path));
    const results = await registry.pushTogether("team", [...requests, toRequest(APP, SOURCE)]);
    expect(results.map(({ status }) => status)).toEqual(["pushed", "pushed", "pushed", "failed"]);
    expect(errorOf(results[3])).toEqual([
      "ERR_CLOSURE_REFUSED",
      "The closure has 3 store paths, and max_paths is 2",
    ]);
    // Others have brought its paths there, which makes it none that was done.
    expect(results[3]).toMatchObject({ confirmedPaths: [], storePaths: [APP, SOURCE] });
    expect(pushed()).toEqual([[APP, IMAGE, SOURCE]]);
  });

  it("of a queue is passed by no part of a request that the whole would break", async () => {
    let asked = 0;
    const { registry, pushed } = setUp("max_paths = 2", (args) =>
      args.includes("--recursive") && asked++ === 0 ? { exitCode: 1, outcome: "failed" } : undefined,
    );
    await using queue = new PushQueue(registry, { backoff: { baseMs: 1, capMs: 1 } });
    const { done } = await queue.enqueue(toRequest(APP, SOURCE));
    const { results } = await done;
    expect(errorOf(results[0])).toEqual(["ERR_CLOSURE_REFUSED", expect.any(String)]);
    expect(pushed()).toEqual([]);
  });

  it("takes little time for many roots, paths and patterns", async () => {
    const paths = Array.from(
      { length: 2_000 },
      (_path, index) => `/nix/store/${String(index).padStart(32, "0")}-p`,
    );
    const closure = new Map(
      paths.map((path) => [path, { path, narSize: 1, references: paths.slice(0, 200) }]),
    );
    const patterns = Array.from({ length: 256 }, (_pattern, index) => `*-${index}-*-secret`);
    const cache = { ...setUp("").registry.config.caches[0], denyPaths: patterns } as CacheDefinition;
    const start = performance.now();
    expect(new ClosureGuard(closure, cache, {}).judge(paths.slice(0, 400))).toBeUndefined();
    // Each name is looked at once: minutes otherwise.
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("of a queue refuses one request of a batch for good, and delivers the others", async () => {
    const { registry } = setUp('deny_paths = ["*-secrets-*"]\nexclude = ["image*"]');
    await using queue = new PushQueue(registry, { lingerMs: 20 });
    const requests = [APP, SOURCE, IMAGE].map((path) => queue.enqueue(toRequest(path)));
    const reports = await Promise.all((await Promise.all(requests)).map(({ done }) => done));
    expect(reports.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect(errorOf(reports[0]?.results[0])).toEqual(["ERR_CLOSURE_REFUSED", expect.any(String)]);
    expect(reports[1]?.results[0]).toMatchObject({ status: "pushed" });
    expect(reports[2]?.results[0]).toMatchObject({
      status: "skipped",
      skippedPaths: [{ path: IMAGE, reason: "excluded" }],
    });
    expect(await queue.deadLetters()).toMatchObject([{ code: "ERR_CLOSURE_REFUSED" }]);
  });
});

describe('on_failure = "warn"', () => {
  const failing = (args: readonly string[]) =>
    args[0] === "cachix" ? { exitCode: 1, outcome: "failed" as const, stderr: "HTTP error 400" } : undefined;

  it("has a failure told, and the report none of failure", async () => {
    const { registry } = setUp('on_failure = "warn"', failing);
    const { ok, results } = await registry.push(toRequest(SOURCE));
    expect([ok, results[0]?.status]).toEqual([true, "failed"]);
    expect(results[0]).toMatchObject({ isTolerated: true, error: { code: "ERR_PUSH_FAILED" } });
    const strict = setUp("", failing);
    const report = await strict.registry.push(toRequest(SOURCE));
    expect([report.ok, report.results[0]]).toMatchObject([false, { isTolerated: undefined }]);
  });

  it("tolerates neither a denial nor an event that was not kept", async () => {
    const executor = createRecordingExecutor();
    const registry = CacheRegistry.fromToml(toToml('on_failure = "warn"'), {
      executor,
      runtime: { env: { CACHIX_AUTH_TOKEN: "t" } },
      auditSinks: [{ write: () => Promise.reject(new Error("disk full")) }],
    });
    const { ok, results } = await registry.push(toRequest(SOURCE));
    expect([ok, results[0]]).toMatchObject([false, { status: "failed", isTolerated: undefined }]);
  });

  it("of a queue as well, whose dead letter stays", async () => {
    const { registry } = setUp('on_failure = "warn"', failing);
    await using queue = new PushQueue(registry, { maxAttempts: 1, backoff: { baseMs: 1, capMs: 1 } });
    const { done } = await queue.enqueue(toRequest(SOURCE));
    const { ok, results } = await done;
    expect([ok, results[0]]).toMatchObject([true, { status: "failed", isTolerated: true }]);
    expect(await queue.deadLetters()).toHaveLength(1);
  });
});

it("plan and check say each rule, and a configuration that cannot work is refused with its place", async () => {
  const rules =
    'exclude = ["*.iso"]\nmax_paths = 5\non_failure = "warn"\nupstream_caches = ["https://cache.nixos.org"]';
  const { registry } = setUp(rules);
  const said = [
    'leaves out names that match "*.iso" (exclude)',
    'leaves out paths of "https://cache.nixos.org"; references of pushed paths are left to the tool (upstream_caches)',
    "refuses a closure of more than 5 paths (max_paths)",
    "tolerates a failure (on_failure)",
  ];
  expect(registry.plan(toRequest(APP)).entries[0]?.rules).toEqual(said);
  expect((await registry.check()).caches[0]?.rules).toEqual(said);
  for (const wrong of [
    'exclude = ["a/b"]',
    'max_nar_size = "1 KB"',
    'upstream_caches = ["ftp://x"]',
    "max_paths = 0",
    'on_failure = "ignore"',
  ])
    expect(() => CacheRegistry.fromToml(toToml(wrong)), wrong).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID" }),
    );
  const itself = toToml('upstream_caches = ["https://cache.example.org/"]')
    .replace('"cachix"', '"nix-copy"')
    .replace('destination = "team"', 'destination = "https://cache.example.org"');
  expect(() => CacheRegistry.fromToml(itself)).toThrow(/destination itself/u);
  const priv = toToml('upstream_caches = ["http://10.0.0.1"]').replace("= true\n[[", "= false\n[[");
  expect(() => CacheRegistry.fromToml(priv)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
});
