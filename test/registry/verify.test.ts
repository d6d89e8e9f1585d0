import {
  type AuditEvent,
  CacheRegistry,
  type CommandSpec,
  formatAuditEvent,
  formatCommand,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type PushRequest,
  type PushResult,
  Secret,
} from "@eka-ci/caches";
import {
  createFakeClock,
  createRecordingExecutor,
  createTestRuntime,
  type ScriptedResult,
} from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { runUntil } from "../support/fake-cache.ts";

const A = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-a";
const B = "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-b";
const ENV = { CACHIX_AUTH_TOKEN: "cachix-canary", ATTIC_TOKEN: "attic-canary", HTTP_PASSWORD: "http-canary" };

const toToml = (cache: string): string => `
[[caches]]
id = "one"
permissions = { allow_all = true }
${cache}`;

const CACHIX = `cache_type = "cachix"\ndestination = "acme"\ncredentials = { cachix-token = { env_var = "CACHIX_AUTH_TOKEN" } }`;
const ATTIC = `cache_type = "attic"\ndestination = "https://attic.example.com/ci/team"\ncredentials = { env = { vars = ["ATTIC_TOKEN"] } }`;
const HTTP = `cache_type = "nix-copy"\ndestination = "https://cache.example.com"\ncredentials = { env = { vars = ["HTTP_PASSWORD"] } }`;

const REQUEST: PushRequest = { repository: "o/r", job: "j", caches: ["one"], storePaths: [A, B] };

const isQuestion = ({ args }: CommandSpec): boolean =>
  args.includes("path-info") && !args.includes("--recursive");

/** What a signature by a key looks like. */
const signedBy = (key: string): string => `${key}:${"x".repeat(86)}==`;

const answer = (paths: Readonly<Record<string, object | null>>): ScriptedResult => ({
  stdout: JSON.stringify(paths),
});

function setUp(
  cache: string,
  respond: (command: CommandSpec) => ScriptedResult | undefined,
  verify?: "never",
) {
  const executor = createRecordingExecutor({ respond });
  const clock = createFakeClock();
  const registry = CacheRegistry.fromToml(toToml(cache), {
    executor,
    runtime: createTestRuntime({ env: ENV, clock }),
    verify,
  });
  const push = async () => (await runUntil(clock, registry.push(REQUEST))).results[0];
  return { registry, executor, push };
}

const codeOf = (result: PushResult | undefined) =>
  result?.status === "failed" ? result.error.code : result?.status;

describe("after a push the cache is asked", () => {
  it.each([
    ["nix-copy", HTTP, "--store https://cache.example.com "],
    ["cachix", CACHIX, "--store https://acme.cachix.org "],
    [
      "cachix on a server of one's own",
      `${CACHIX}\nhost = "https://cachix.example.com:8443"`,
      "--store https://acme.cachix.example.com:8443 ",
    ],
    ["attic", ATTIC, "--store https://attic.example.com/ci/team "],
  ])("of type %s, with the credentials of the push", async (_type, cache, store) => {
    const { push, executor } = setUp(cache, () => undefined);
    expect(await push()).toMatchObject({ status: "pushed", storePaths: [A, B] });
    const [question] = executor.commands.filter(isQuestion);
    expect(question && formatCommand(question)).toContain(store);
    expect(question?.files[0]?.content.expose()).toMatch(
      /^machine \S+\n(?:login \S*\n)?password \S+-canary\n$/u,
    );
    expect(JSON.stringify(executor.commands.map(formatCommand))).not.toContain("canary");
  });

  it.each<[name: string, result: ScriptedResult, code: string, present: string[]]>([
    ["has nothing", answer({}), "ERR_PUSH_UNVERIFIED", []],
    ["lacks a path", answer({ [A]: {}, [B]: null }), "ERR_PUSH_UNVERIFIED", [A]],
    [
      "lacks a path, as old versions say it",
      { stdout: JSON.stringify([{ path: A }, { path: B, valid: false }]) },
      "ERR_PUSH_UNVERIFIED",
      [A],
    ],
    ["says nothing", { stdout: "" }, "ERR_PUSH_UNVERIFIED", []],
    ["says what nobody understands", { stdout: "[[[" }, "ERR_PUSH_UNVERIFIED", []],
    ["answers another question", answer({ "/nix/store/x": {} }), "ERR_PUSH_UNVERIFIED", []],
    ["refuses to say", { exitCode: 1, stderr: "HTTP error 500" }, "ERR_PUSH_FAILED", []],
  ])("and a cache that %s proves nothing", async (_name, result, code, present) => {
    const { push } = setUp(CACHIX, (command) => (isQuestion(command) ? result : undefined));
    const pushed = await push();
    expect(codeOf(pushed)).toBe(code);
    expect(pushed).toMatchObject({ status: "failed", storePaths: present });
  });

  it("again where the network cuts the question, and the push has not failed", async () => {
    let cuts = 3;
    const { push, executor } = setUp(HTTP, (command) => {
      if (!isQuestion(command)) return undefined;
      if (cuts-- > 0)
        return { exitCode: 1, stderr: "error: unable to download 'x': Timeout was reached (28)" };
      return answer({ [A]: {}, [B]: {} });
    });
    expect(await push()).toMatchObject({ status: "pushed", storePaths: [A, B] });
    expect(executor.commands.filter(isQuestion)).toHaveLength(4);
    expect(executor.commands.filter(({ args }) => args.includes("copy"))).toHaveLength(1);
  });

  it("in the format that nix wants, also when it is replaced by one that wants another", async () => {
    let wants = true;
    const { push, executor } = setUp(HTTP, (command) => {
      if (!isQuestion(command)) return undefined;
      if (command.args.includes("--json-format") === wants) return answer({ [A]: {}, [B]: {} });
      const stderr = wants
        ? "error: '--json' without '--json-format' is not supported"
        : "error: unrecognised flag '--json-format'";
      return { exitCode: 1, stderr };
    });
    expect([codeOf(await push()), codeOf(await push())]).toEqual(["pushed", "pushed"]);
    wants = false;
    expect(codeOf(await push())).toBe("pushed");
    const asked = executor.commands.filter(isQuestion).map(({ args }) => args.includes("--json-format"));
    expect(asked).toEqual([false, true, true, true, false]);
  });

  it("also after a failure, and what got there counts", async () => {
    const { push } = setUp(HTTP, (command) =>
      isQuestion(command)
        ? answer({ [B]: {} })
        : command.file === "nix"
          ? { exitCode: 1, stderr: "boom" }
          : undefined,
    );
    expect(await push()).toMatchObject({
      status: "failed",
      storePaths: [B],
      error: { code: "ERR_PUSH_FAILED" },
    });
  });

  it.each<[name: string, failure: ScriptedResult]>([
    ["exits with 1", { exitCode: 1, stderr: "Error: upload of a dependency answered 500" }],
    ["is killed", { exitCode: null, signal: "SIGKILL" }],
    ["says that it skipped something", { exitCode: 0, stderr: `${B} is not valid, skipping\n` }],
  ])(
    "but no failure of a tool becomes a success: one that %s, with its paths there",
    async (_name, failure) => {
      const { push } = setUp(CACHIX, (command) =>
        isQuestion(command) ? undefined : command.file === "cachix" ? failure : undefined,
      );
      expect(await push()).toMatchObject({
        status: "failed",
        error: { code: "ERR_PUSH_FAILED" },
        storePaths: [A, B],
        confirmedPaths: [],
      });
    },
  );

  it("but not with verify: never", async () => {
    const { push, executor } = setUp(CACHIX, () => undefined, "never");
    expect(await push()).toMatchObject({ status: "pushed" });
    expect(executor.commands.filter(isQuestion)).toEqual([]);
  });
});

describe("require_signature", () => {
  const guarded = `${HTTP}\nrequire_signature = "ci-1"`;
  it.each<[name: string, signatures: unknown, expected: string]>([
    ["is met by the key", [signedBy("other-1"), signedBy("ci-1")], "pushed"],
    ["is not met by another key", [signedBy("ci-2")], "ERR_SIGNATURE_MISSING"],
    ["is not met by a longer name", [signedBy("ci-11")], "ERR_SIGNATURE_MISSING"],
    ["is not met by nothing", undefined, "ERR_SIGNATURE_MISSING"],
    ["is not met by what is no list", signedBy("ci-1"), "ERR_SIGNATURE_MISSING"],
    ["is not met by a name alone", ["ci-1"], "ERR_SIGNATURE_MISSING"],
    ["is not met by a name and nothing behind it", ["ci-1:"], "ERR_SIGNATURE_MISSING"],
  ])("%s", async (_name, signatures, expected) => {
    const { push } = setUp(guarded, (command) =>
      isQuestion(command)
        ? answer({ [A]: { signatures: [signedBy("ci-1")] }, [B]: { signatures } })
        : undefined,
    );
    expect(codeOf(await push())).toBe(expected);
  });
});

describe("requests that are pushed together", () => {
  const other: PushRequest = { repository: "o/r", job: "k", caches: [], storePaths: [B] };
  const first: PushRequest = { repository: "o/r", job: "j", caches: [], storePaths: [A, B] };

  it("share one command, and each has its result, events and decision", async () => {
    const { registry, executor } = setUp(CACHIX, () => undefined);
    const jobs: string[] = [];
    registry.subscribe((event) => event.type === "push.finished" && jobs.push(event.job));
    expect(await registry.pushTogether("one", [first, other])).toMatchObject([
      { status: "pushed", storePaths: [A, B] },
      { status: "pushed", storePaths: [B] },
    ]);
    expect(executor.commands.map(({ file, args }) => [file, args.filter((arg) => arg === B).length])).toEqual(
      [
        ["nix", 1],
        ["cachix", 1],
        ["nix", 1],
      ],
    );
    expect(jobs).toEqual(["j", "k"]);
  });

  it("fail only where a path of their own is missing", async () => {
    const { registry } = setUp(CACHIX, (command) => (isQuestion(command) ? answer({ [B]: {} }) : undefined));
    expect(await registry.pushTogether("one", [first, other])).toMatchObject([
      { status: "failed", storePaths: [B], error: { code: "ERR_PUSH_UNVERIFIED", storePaths: [A] } },
      { status: "pushed", storePaths: [B] },
    ]);
  });

  it("of different repositories share nothing: no command, no output, no message", async () => {
    const { registry, executor } = setUp(CACHIX, (command) =>
      command.file === "cachix"
        ? { exitCode: 1, stderr: `refused ${command.args.at(-1)}` }
        : isQuestion(command)
          ? answer({})
          : undefined,
    );
    const stranger = { ...other, repository: "o/other" };
    const own = { ...first, storePaths: [A] };
    const [mine, theirs] = await registry.pushTogether("one", [own, stranger]);
    expect(JSON.stringify(mine)).not.toContain(B);
    expect(JSON.stringify(theirs)).not.toContain(A);
    expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(2);
  });

  it("without paths are not taken for pushed beside others", async () => {
    const { registry } = setUp(CACHIX, () => undefined);
    expect(await registry.pushTogether("one", [{ ...first, storePaths: [] }, other])).toMatchObject([
      { status: "failed", error: { code: "ERR_STORE_PATH_INVALID" } },
      { status: "pushed" },
    ]);
  });

  it("are decided on one by one", async () => {
    const toml = CACHIX.replace("acme", "acme-2");
    const executor = createRecordingExecutor();
    const registry = CacheRegistry.fromToml(
      toToml(toml).replace("allow_all = true", 'allow_all = false, allowed_repos = ["o/r"]'),
      { executor, runtime: createTestRuntime({ env: ENV }) },
    );
    const stranger = { ...other, repository: "o/other" };
    const results = await registry.pushTogether("one", [stranger, first]);
    expect(results).toMatchObject([{ status: "denied" }, { status: "pushed" }]);
    expect(await registry.pushTogether("one", [stranger])).toMatchObject([{ status: "denied" }]);
    expect(await registry.pushTogether("nope", [first])).toMatchObject([
      { status: "denied", decision: { reason: "unknown-cache" } },
    ]);
    expect(await registry.pushTogether("one", [])).toEqual([]);
  });
});

describe("an HTTP cache is asked for what nix does not tell", () => {
  const url = (path: string): string => `nar/${path.slice(11, 15)}.nar.xz`;
  const narinfoOf = (path: string): string => `https://cache.example.com/${path.slice(11, 43)}.narinfo`;
  const narOf = (path: string): string => `https://cache.example.com/${url(path)}`;

  const pushTo = async (answers: Readonly<Record<string, Partial<HttpResponse> | "unreachable">>) => {
    const asked: HttpRequest[] = [];
    const runtime = {
      ...createTestRuntime({ env: ENV }),
      http: {
        send: async (request: HttpRequest): Promise<HttpResponse> => {
          asked.push(request);
          const response = answers[request.url] ?? {};
          if (response === "unreachable") throw new HttpError("ERR_HTTP_UNREACHABLE", "away");
          return { status: 200, headers: {}, body: new Uint8Array(), ...response };
        },
      },
    };
    const executor = createRecordingExecutor({
      respond: (command) =>
        isQuestion(command) ? answer({ [A]: { url: url(A) }, [B]: { url: url(B) } }) : undefined,
    });
    const registry = CacheRegistry.fromToml(toToml(HTTP), { executor, runtime });
    return { asked, result: (await registry.push(REQUEST)).results[0] };
  };

  it("with the credentials of the push: each narinfo, and the head of each NAR", async () => {
    const { asked, result } = await pushTo({});
    expect(result).toMatchObject({ status: "pushed" });
    expect(asked.map((request) => `${request.method} ${request.url}`).sort()).toEqual(
      [`GET ${narinfoOf(A)}`, `GET ${narinfoOf(B)}`, `HEAD ${narOf(A)}`, `HEAD ${narOf(B)}`].sort(),
    );
    for (const { headers } of asked)
      expect(headers["authorization"]).toBe(`Basic ${Buffer.from(":http-canary").toString("base64")}`);
  });

  it.each<[name: string, answers: Parameters<typeof pushTo>[0], present: readonly string[]]>([
    ["a NAR that is gone", { [narOf(B)]: { status: 404 } }, [A]],
    [
      "a narinfo from another origin",
      { [narinfoOf(B)]: { status: 302, headers: { location: "https://portal.example/" } } },
      [A],
    ],
  ])("%s is not there", async (_name, answers, present) => {
    const { result } = await pushTo(answers);
    expect(result).toMatchObject({
      status: "failed",
      error: { code: "ERR_PUSH_UNVERIFIED" },
      storePaths: present,
      confirmedPaths: present,
    });
  });

  it.each<[name: string, answers: Parameters<typeof pushTo>[0]]>([
    ["does not answer", { [narOf(B)]: "unreachable", [narinfoOf(A)]: "unreachable" }],
    ["knows no HEAD", { [narOf(B)]: { status: 405 } }],
    [
      "keeps NARs elsewhere",
      { [narOf(B)]: { status: 302, headers: { location: "https://s3.example/nar" } } },
    ],
    ["redirects within itself", { [narinfoOf(B)]: { status: 301, headers: { location: "/other.narinfo" } } }],
  ])("a cache that %s has proven nothing against what nix says", async (_name, answers) => {
    expect((await pushTo(answers)).result).toMatchObject({ status: "pushed" });
  });
});

describe("a cache that is read elsewhere", () => {
  const questions = async (cache: string, substituter: string) => {
    const asked: HttpRequest[] = [];
    const executor = createRecordingExecutor({
      respond: (command) =>
        isQuestion(command) ? answer({ [A]: { url: "nar/a" }, [B]: { url: "nar/b" } }) : undefined,
    });
    const send = async (request: HttpRequest): Promise<HttpResponse> => {
      asked.push(request);
      return { status: 200, headers: {}, body: new Uint8Array() };
    };
    const toml = toToml(`${cache}\nsubstituter = "${substituter}"`);
    const runtime = createTestRuntime({
      env: { ...ENV, AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "s3-canary" },
      http: { send },
    });
    const registry = CacheRegistry.fromToml(toml, { executor, runtime });
    expect(codeOf((await registry.push(REQUEST)).results[0])).toBe("pushed");
    const shown = executor.commands.filter(isQuestion).map((command) => {
      const netrc = command.files.map(({ content }) => content.expose()).join("");
      return `${formatCommand(command)}\n${[...command.env.values()].map(String).join()}\n${netrc}`;
    });
    return { nix: shown.join("\n"), http: asked };
  };
  const S3 = `cache_type = "nix-copy"\ndestination = "s3://bucket"\ncredentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }`;

  it.each([
    ["S3", S3],
    ["HTTP", HTTP],
    ["Attic", ATTIC],
  ])("is asked there, and another server gets no credentials (%s)", async (_name, cache) => {
    const { nix, http } = await questions(cache, "https://cdn.example.org/nix");
    expect(nix).toContain("--store https://cdn.example.org/nix ");
    expect(nix).not.toContain("canary");
    expect(new Set(http.map(({ url }) => new URL(url).origin))).toEqual(new Set(["https://cdn.example.org"]));
    expect(http.flatMap(({ headers }) => Object.keys(headers))).not.toContain("authorization");
  });

  it.each([
    ["HTTP", HTTP, "https://cache.example.com/read", "http-canary"],
    ["Attic", ATTIC, "https://attic.example.com/read/team", "attic-canary"],
  ])("gets the credentials where it is the same server (%s)", async (_name, cache, substituter, secret) => {
    const { nix, http } = await questions(cache, substituter);
    expect(nix).toContain(`--store ${substituter} `);
    expect(nix).toContain(secret);
    expect(http.every(({ headers }) => headers["authorization"] !== undefined)).toBe(true);
  });

  it("gets none over plain HTTP, where the destination has TLS", async () => {
    const { nix } = await questions(HTTP, "http://cache.example.com/read");
    expect(nix).not.toContain("canary");
  });
});

describe("a path that the cache leaves to an upstream", () => {
  const UPSTREAM = signedBy("cache.nixos.org-1");
  const OWN = signedBy("ci.example.org-1");
  const ALL_MISSING = answer({ [A]: null, [B]: null });
  const isLocal = (command: CommandSpec): boolean => isQuestion(command) && !command.args.includes("--store");

  /**
   * Pushes with a cache that answers `at`, a store that answers `held`, and an Attic server that names some
   * keys.
   */
  const pushWith = async (
    cache: string,
    { at = ALL_MISSING, held, keys }: { at?: ScriptedResult; held: ScriptedResult; keys?: unknown },
  ) => {
    const asked: HttpRequest[] = [];
    const send = async (request: HttpRequest): Promise<HttpResponse> => {
      asked.push(request);
      if (keys === undefined) throw new HttpError("ERR_HTTP_UNREACHABLE", "no network");
      const body = JSON.stringify({ is_public: false, priority: 41, upstream_cache_key_names: keys });
      return { status: 200, headers: {}, body: new TextEncoder().encode(body) };
    };
    const executor = createRecordingExecutor({
      respond: (command) => (isLocal(command) ? held : isQuestion(command) ? at : undefined),
    });
    const runtime = createTestRuntime({ env: ENV, http: { send }, clock: createFakeClock() });
    const sink: AuditEvent[] = [];
    const registry = CacheRegistry.fromToml(toToml(cache), {
      ...{ executor, runtime },
      auditSinks: [{ write: (event) => void sink.push(event) }],
    });
    const report = await registry.push(REQUEST);
    const local = executor.commands.filter(isLocal);
    return { report, result: report.results[0], asked, local, finished: sink.at(-1) };
  };
  const HELD = answer({ [A]: { signatures: [UPSTREAM] }, [B]: { signatures: [OWN, UPSTREAM] } });

  it.each<[name: string, more: string, keys: unknown]>([
    ["by what the server says", "", ["x-1", "cache.nixos.org-1"]],
    ["by what the server says, whatever is configured", 'upstream_keys = ["other-1"]', ["cache.nixos.org-1"]],
    ["by configuration, where the server says nothing", 'upstream_keys = ["cache.nixos.org-1"]', undefined],
  ])("is delivered, and told as what it is (%s)", async (_name, more, keys) => {
    const { report, result, finished } = await pushWith(`${ATTIC}\n${more}`, { held: HELD, keys });
    expect(report.ok).toBe(true);
    expect(result).toMatchObject({
      ...{ status: "upstream", storePaths: [], confirmedPaths: [A, B], upstreamPaths: [A, B] },
    });
    expect(finished).toMatchObject({ type: "push.finished", status: "upstream" });
    expect(finished && formatAuditEvent(finished)).toBe(
      "[INFO] Push to cache 'one' left to an upstream in 0.0 s",
    );
  });

  it.each([
    ["is left to it by Cachix, which sends its readers there", ["cache.nixos.org-1"], "upstream"],
    ["is not there where nobody named its key", ["other-1"], "ERR_PUSH_UNVERIFIED"],
  ])("%s", async (_name, keys, expected) => {
    const info = { signatures: [UPSTREAM], url: "nar/x.nar" };
    const send = async (): Promise<HttpResponse> => {
      const headers = { location: "https://cache.nixos.org/x.narinfo" };
      return { status: 302, headers, body: new Uint8Array() };
    };
    const executor = createRecordingExecutor({
      respond: (command) => (isQuestion(command) ? answer({ [A]: info, [B]: info }) : undefined),
    });
    const runtime = createTestRuntime({ env: ENV, http: { send } });
    const toml = toToml(`${CACHIX}\nupstream_keys = ${JSON.stringify(keys)}`);
    const registry = CacheRegistry.fromToml(toml, { executor, runtime });
    expect(codeOf((await registry.push(REQUEST)).results[0])).toBe(expected);
  });

  it("stands beside those that are there", async () => {
    const at = answer({ [A]: null, [B]: { signatures: [] } });
    const { result } = await pushWith(ATTIC, { at, held: HELD, keys: ["cache.nixos.org-1"] });
    expect(result).toMatchObject({
      ...{ status: "pushed", storePaths: [B], confirmedPaths: [A, B], upstreamPaths: [A] },
    });
  });

  it.each([
    [
      "signed by another key",
      ATTIC,
      answer({ [A]: { signatures: [OWN] }, [B]: { signatures: [OWN] } }),
      ["cache.nixos.org-1"],
    ],
    ["signed by nobody", ATTIC, answer({ [A]: {}, [B]: {} }), ["cache.nixos.org-1"]],
    ["of a server that names no keys", ATTIC, HELD, []],
    ["of a server that names what is none", ATTIC, HELD, [7, null]],
    ["of a server that says nothing", ATTIC, HELD, undefined],
    ["of a store that does not answer", ATTIC, { exitCode: 1, stderr: "error: x" }, ["cache.nixos.org-1"]],
    ["where nothing is left out", `${ATTIC}\nignore_upstream = true`, HELD, ["cache.nixos.org-1"]],
    ["at Cachix, which looks at no signature", `${CACHIX}\nupstream_keys = ["cache.nixos.org-1"]`, HELD, []],
    [
      "signed by a configured key that the server does not name",
      `${ATTIC}\nupstream_keys = ["cache.nixos.org-1"]`,
      ...([HELD, ["other-1"]] as const),
    ],
    ["of a cache that nix pushes to", HTTP, HELD, ["cache.nixos.org-1"]],
  ])("is missing: %s", async (_name, cache, held, keys) => {
    const { result } = await pushWith(cache, { held, keys });
    expect(result).toMatchObject({
      ...{ status: "failed", error: { code: "ERR_PUSH_UNVERIFIED" }, upstreamPaths: [], confirmedPaths: [] },
    });
  });

  it("is found out with the token of the push alone, and nothing is asked where all is there", async () => {
    const { asked, local } = await pushWith(ATTIC, { held: HELD, keys: ["cache.nixos.org-1"] });
    expect(asked.map(({ url }) => url)).toEqual(["https://attic.example.com/ci/_api/v1/cache-config/team"]);
    expect(asked[0]?.headers["authorization"]).toBe("Bearer attic-canary");
    expect(local.map(({ env }) => [...env.values()].filter((value) => value instanceof Secret))).toEqual([
      [],
    ]);
    const all = await pushWith(ATTIC, { at: answer({ [A]: {}, [B]: {} }), held: HELD, keys: [] });
    expect([all.result?.status, all.asked, all.local]).toEqual(["pushed", [], []]);
  });
});
