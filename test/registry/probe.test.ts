import { type AuditEvent, type CacheCheck, CacheRegistry, PushError } from "@eka-ci/caches";
import { createRecordingExecutor, type ScriptedResult } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { type Answer, type SeenRequest, startServer } from "../integration/servers/loopback-server.ts";
import { trackServers } from "../support/opened-servers.ts";

const TOKEN = "probe-token-canary";
const CACHE_INFO = "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n";
const ADDED = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-eka-caches-probe";

const servers = trackServers();

type Kind = "http" | "s3" | "attic";

const toToml = (kind: Kind, url: string, more = ""): string => `
[security]
allow_private_cache_hosts = true
[[caches]]
id = "one"
permissions = { allow_all = false, allowed_repos = ["nobody/else"] }
${more}
${
  {
    http: `cache_type = "nix-copy"\ndestination = "${url}/sub"\ncredentials = { env = { vars = ["HTTP_PASSWORD"] } }`,
    s3: `cache_type = "nix-copy"\ndestination = "s3://bucket?endpoint=${url}"\ncredentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }`,
    attic: `cache_type = "attic"\ndestination = "${url}/team"\ncredentials = { env = { vars = ["ATTIC_TOKEN"] } }`,
  }[kind]
}`;

interface Probe {
  readonly access?: "read" | "write" | undefined;
  readonly toml: string;
  readonly respond?: (file: string, args: readonly unknown[]) => ScriptedResult | undefined;
}

async function probe({ access = "read", toml, respond }: Probe) {
  const executor = createRecordingExecutor({
    respond: ({ file, args }) => {
      if (file === "nix" && args.includes("--version")) return { stdout: "nix (Nix) 2.34.8" };
      if (args.includes("--add")) return { stdout: `${ADDED}\n` };
      return respond?.(file, args);
    },
  });
  const names = ["HTTP_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ATTIC_TOKEN"];
  const env = Object.fromEntries(names.map((name) => [name, TOKEN]));
  const events: AuditEvent[] = [];
  await using registry = CacheRegistry.fromToml(toml, {
    executor,
    runtime: { env },
    auditSinks: [{ write: (event) => void events.push(event) }],
  });
  const report = await registry.check({ probe: access });
  expect(JSON.stringify([report, events])).not.toContain(TOKEN);
  return { report, cache: report.caches[0] as CacheCheck, executor, events };
}

const open = (answer: (request: SeenRequest) => Answer) => servers.keep(startServer(answer));

describe("a probe that reads", () => {
  it.each<[Kind, path: string, header: RegExp]>([
    ["http", "/sub/nix-cache-info", /^Basic /u],
    ["attic", "/team/nix-cache-info", /^Basic /u],
    ["s3", "/bucket/nix-cache-info", /^AWS4-HMAC-SHA256 /u],
  ])("asks an %s cache for its first file, with its credentials", async (kind, path, header) => {
    const server = await open(() => ({ status: 200, body: CACHE_INFO }));
    const { report, cache, executor, events } = await probe({ toml: toToml(kind, server.url) });
    expect(cache).toMatchObject({ ok: true, probe: { access: "read", finding: "there" } });
    expect(report.ok).toBe(true);
    expect(server.requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([`GET ${path}`]);
    expect(server.requests[0]?.headers.authorization).toMatch(header);
    expect(executor.commands.some(({ args }) => args.includes("--add"))).toBe(false);
    expect(events).toEqual([]);
  });

  it.each<[Kind, Answer, code: string | undefined]>([
    ["http", { status: 404 }, undefined],
    ["s3", { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" }, undefined],
    ["s3", { status: 404, body: "<Error><Code>NoSuchBucket</Code></Error>" }, "ERR_PROBE_REFUSED"],
    ["s3", { status: 403, body: "<Error><Code>InvalidAccessKeyId</Code></Error>" }, "ERR_PROBE_REFUSED"],
    ["attic", { status: 404 }, "ERR_PROBE_REFUSED"],
    ["attic", { status: 401 }, "ERR_PROBE_REFUSED"],
    ["http", { status: 403 }, "ERR_PROBE_REFUSED"],
    ["http", { status: 302, headers: { location: "https://login.example.com" } }, "ERR_PROBE_REFUSED"],
    ["http", { status: 200, body: "<html>It works!</html>" }, "ERR_CACHE_INCOMPATIBLE"],
    ["http", { status: 200, body: "StoreDir: /other/store\n" }, "ERR_CACHE_INCOMPATIBLE"],
  ])("of an %s cache that answers %j gives %s", async (kind, answer, code) => {
    const server = await open(() => answer);
    const { report, cache } = await probe({ toml: toToml(kind, server.url) });
    expect([cache.error?.code, report.ok]).toEqual([code, code === undefined]);
    if (code === undefined) expect(cache.probe).toEqual({ access: "read", finding: "empty" });
  });

  it("tells a server that is away from one that refuses", async () => {
    const server = await open(() => ({ status: 503 }));
    await server[Symbol.asyncDispose]();
    const { cache } = await probe({ toml: toToml("http", server.url) });
    expect(cache.error?.code).toBe("ERR_PROBE_UNANSWERED");
  }, 20_000);

  it("leaves a cache alone whose credentials are not there", async () => {
    const server = await open(() => ({ status: 200, body: CACHE_INFO }));
    const { cache } = await probe({ toml: toToml("http", server.url).replace("HTTP_PASSWORD", "UNSET") });
    expect([cache.error?.code, cache.probe]).toEqual(["ERR_CREDENTIAL_NOT_CONFIGURED", undefined]);
    expect(server.requests).toEqual([]);
  });
});

describe("a probe that writes", () => {
  const toml = toToml("attic", "http://127.0.0.1:9");

  it("pushes a path of its own, though no repository may, and says in the audit trail whose it is", async () => {
    const { report, cache, executor, events } = await probe({
      access: "write",
      toml: toToml("attic", "http://127.0.0.1:9", 'require_signature = "key-1"'),
    });
    expect(cache.probe).toEqual({ access: "write", finding: "confirmed", storePath: ADDED });
    expect(report.ok).toBe(true);
    const pushed = executor.commands.find(({ args }) => args.includes("push"));
    expect(pushed?.args).toContain(ADDED);
    expect(events.map(({ type, repository }) => [type, repository])).toEqual([
      ["permission.decided", "(operator probe)"],
      ["push.started", "(operator probe)"],
      ["credentials.resolved", "(operator probe)"],
      ["push.finished", "(operator probe)"],
    ]);
    expect(events[0]).toMatchObject({ decision: { effect: "allow", reason: "operator-probe" } });
  });

  it("makes another path each time, so that a cache cannot have it already", async () => {
    const texts = await Promise.all(
      [1, 2].map(async () => {
        const { executor } = await probe({ access: "write", toml });
        const files = executor.commands.flatMap(({ args, files: own }) =>
          args.includes("--add") ? own : [],
        );
        return files.map(({ content }) => content.expose());
      }),
    );
    expect(texts.flat()).toHaveLength(2);
    expect(new Set(texts.flat()).size).toBe(2);
  });

  it("fails where the push fails", async () => {
    const respond = (file: string) => (file === "attic" ? { exitCode: 1, stderr: "401" } : undefined);
    const { report, cache } = await probe({ access: "write", toml, respond });
    // `attic --version` fails, too.
    expect([report.ok, cache.ok, cache.error?.code]).toEqual([false, false, "ERR_PUSH_FAILED"]);
  });

  it("pushes nothing that the audit log did not take", async () => {
    const executor = createRecordingExecutor({
      respond: ({ args }) => (args.includes("--add") ? { stdout: ADDED } : undefined),
    });
    await using registry = CacheRegistry.fromToml(toml, {
      executor,
      runtime: { env: { ATTIC_TOKEN: TOKEN } },
      auditSinks: [{ write: () => Promise.reject(new Error("disk full")) }],
    });
    const { caches } = await registry.check({ probe: "write" });
    expect(caches[0]?.error?.code).toBe("ERR_AUDIT_FAILED");
    expect(executor.commands.some(({ args }) => args.includes("push"))).toBe(false);
  });

  it("is over when the registry is disposed", async () => {
    const registry = CacheRegistry.fromToml(toml, { executor: createRecordingExecutor() });
    await registry[Symbol.asyncDispose]();
    await expect(registry.check({ probe: "write" })).rejects.toBeInstanceOf(PushError);
  });
});
