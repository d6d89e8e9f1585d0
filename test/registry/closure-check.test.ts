import { CacheRegistry, type CommandSpec, type HttpClient, type PushResult } from "@eka-ci/caches";
import { createFakeClock, createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { runUntil } from "../support/fake-cache.ts";

const toPath = (letter: string): string => `/nix/store/${letter.repeat(32)}-${letter}`;
const [A, B, C, D] = ["a", "b", "c", "d"].map(toPath) as [string, string, string, string];
/** What the store says: a refers to b and that to c; d to nothing. */
const CLOSURE: Readonly<Record<string, readonly string[]>> = { [A]: [B, A], [B]: [C], [C]: [], [D]: [] };

const TYPES = {
  cachix: `cache_type = "cachix"\ndestination = "acme"\ncredentials = { env = { vars = ["CACHIX_AUTH_TOKEN"] } }`,
  attic: `cache_type = "attic"\ndestination = "https://attic.example.com/team"\ncredentials = { env = { vars = ["ATTIC_TOKEN"] } }`,
};

interface World {
  /** What the cache answers for a narinfo. */
  readonly status?: (path: string) => number;
  /** What nix says of a path that the cache did not give over HTTP. */
  readonly nixFinds?: (path: string) => object | null;
  readonly closure?: (command: CommandSpec) => string;
  /** What the store says of the signatures of paths. */
  readonly storeSays?: object;
}

function setUp(type: keyof typeof TYPES, world: World, variables: Record<string, string> = {}) {
  const { status = () => 200, nixFinds = () => null, closure, storeSays = {} } = world;
  const asked: string[] = [];
  const proxies: (string | undefined)[] = [];
  const answerNarinfo = async (url: string) => {
    const path = Object.keys(CLOSURE).find((known) => url.includes(known.slice(11, 43)));
    if (path === undefined) return { status: 404, headers: {}, body: new Uint8Array() };
    asked.push(path);
    const hash = "0".repeat(52);
    const narinfo = `StorePath: ${path}\nURL: nar/x\nCompression: none\nNarHash: sha256:${hash}\nNarSize: 1\nReferences: \n`;
    const body = new TextEncoder().encode(narinfo);
    return { status: status(path), headers: { location: "https://elsewhere.example/x" }, body };
  };
  const http: HttpClient = {
    send: ({ url }) => answerNarinfo(url),
    connect: ({ proxy }) => {
      proxies.push(proxy);
      return { send: ({ url }) => answerNarinfo(url), [Symbol.dispose]: () => {} };
    },
  };
  const executor = createRecordingExecutor({
    respond: (command) => {
      const args = command.args.map(String);
      if (!args.includes("path-info")) return undefined;
      if (args.includes("--recursive")) {
        const info = Object.entries(CLOSURE).map(([path, references]) => [path, { narSize: 1, references }]);
        return { stdout: closure?.(command) ?? JSON.stringify(Object.fromEntries(info)) };
      }
      if (!args.includes("--store")) return { stdout: JSON.stringify(storeSays) };
      const paths = args.slice(args.indexOf("--") + 1);
      const isRoot = (path: string): boolean => path === A || path === D;
      const found = paths.map((path) => [path, isRoot(path) ? {} : nixFinds(path)]);
      return { stdout: JSON.stringify(Object.fromEntries(found)) };
    },
  });
  const clock = createFakeClock();
  const env = { CACHIX_AUTH_TOKEN: "cachix-canary", ATTIC_TOKEN: "attic-canary", ...variables };
  const registry = CacheRegistry.fromToml(
    `[[caches]]\nid = "one"\npermissions = { allow_all = true }\n${TYPES[type]}`,
    { executor, runtime: createTestRuntime({ env, clock, http }) },
  );
  const push = async (): Promise<PushResult | undefined> => {
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [A, D] };
    return (await runUntil(clock, registry.push(request))).results[0];
  };
  return { push, asked, proxies, clock };
}

describe.each(["cachix", "attic"] as const)("of %s, pushed means", (type) => {
  it("that the cache has the whole closure", async () => {
    const { push, asked } = setUp(type, {});
    expect(await push()).toMatchObject({ status: "pushed", confirmedPaths: [A, D] });
    expect(new Set(asked.filter((path) => path === B || path === C))).toEqual(new Set([B, C]));
  });

  it("nothing for a path that refers to one that is not there, and something for the others", async () => {
    const { push } = setUp(type, { status: (path) => (path === C ? 404 : 200) });
    expect(await push()).toMatchObject({
      ...{ status: "failed", storePaths: [A, D], confirmedPaths: [D] },
      error: { code: "ERR_PUSH_UNVERIFIED", storePaths: [A], message: expect.stringContaining(C) },
    });
  });

  it("what nix says where the cache sends its readers elsewhere", async () => {
    const status = (path: string) => (path === C ? 302 : 200);
    const found = setUp(type, { status, nixFinds: () => ({ url: "nar/x" }) });
    expect(await found.push()).toMatchObject({ status: "pushed", confirmedPaths: [A, D] });
    const lost = setUp(type, { status, nixFinds: () => null });
    expect(await lost.push()).toMatchObject({ status: "failed", confirmedPaths: [D] });
  });

  it("less what an upstream has, by a signature in the store", async () => {
    const status = (path: string) => (path === C ? 404 : 200);
    const signedBy = (key: string) => ({ [C]: { signatures: [`${key}:${"x".repeat(86)}==`] } });
    const left = setUp(type, { status, storeSays: signedBy("cache.nixos.org-1") });
    expect(await left.push()).toMatchObject({ status: "pushed", confirmedPaths: [A, D], upstreamPaths: [] });
    const other = setUp(type, { status, storeSays: signedBy("ci.example.org-1") });
    expect(await other.push()).toMatchObject({ status: "failed", confirmedPaths: [D] });
  });

  it("what nix says where the cache does not answer", async () => {
    const status = (path: string) => (path === B ? 500 : 200);
    const lost = setUp(type, { status, nixFinds: () => null });
    expect(await lost.push()).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_UNVERIFIED" } });
    const found = setUp(type, { status, nixFinds: () => ({}) });
    expect(await found.push()).toMatchObject({ status: "pushed", confirmedPaths: [A, D] });
  });

  it("what the cache says through the host's proxy", async () => {
    const { push, proxies } = setUp(type, {}, { https_proxy: "http://proxy.example:3128" });
    expect(await push()).toMatchObject({ status: "pushed" });
    expect(new Set(proxies)).toEqual(new Set(["http://proxy.example:3128"]));
  });

  it("nothing where the store does not tell what the paths refer to", async () => {
    const { push } = setUp(type, { closure: () => "[]" });
    expect(await push()).toMatchObject({
      ...{ status: "failed", storePaths: [A, D], confirmedPaths: [] },
      error: { code: "ERR_PUSH_UNVERIFIED" },
    });
  });
});

it("what is only remembered grows old", async () => {
  const gone = { value: "" };
  const { push, clock } = setUp("cachix", { status: (path) => (path === gone.value ? 404 : 200) });
  expect(await push()).toMatchObject({ status: "pushed" });
  gone.value = C;
  const statuses: (string | undefined)[] = [];
  for (let turn = 0; turn < 4; turn++) {
    clock.advance(4 * 60_000);
    statuses.push((await push())?.status);
  }
  // Asked for by chance before, and for sure when its ten minutes are over.
  expect(statuses.slice(2)).toEqual(["failed", "failed"]);
});

it("a second push asks for a sample of what the first has seen", async () => {
  const { push, asked } = setUp("cachix", {});
  await push();
  const before = asked.length;
  expect(await push()).toMatchObject({ status: "pushed" });
  expect(asked.length - before).toBeLessThanOrEqual(before);
});
