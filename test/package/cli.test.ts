import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { type CliRunOptions, InstalledCli } from "../support/installed-cli.ts";
import { describeWith, nodeWithSqlite } from "../support/requirement.ts";

const TOKEN = "token-canary-82c1";

let project: InstalledCli;
beforeAll(async () => {
  project = await InstalledCli.install({ TOKEN });
}, 180_000);
afterAll(() => project[Symbol.asyncDispose]());

const run = (args: readonly string[], options?: CliRunOptions) => project.run(args, options);
const toFile = (name: string, text: string) => project.toFile(name, text);

const cache = (id: string, permissions: string): string => `
[[caches]]
id = "${id}"
cache_type = "cachix"
destination = "${id}"
credentials = { cachix-token = { env_var = "TOKEN" } }
permissions = { ${permissions} }
`;
const TEAM = cache("team", 'allow_all = false, allowed_repos = ["o/*"], allowed_branches = ["main"]');

/** Names that would move the cursor, begin a line, or make an annotation. */
const HOSTILE = ["\u001b[2J\u001b[1;1H", "a\n::error::forged", "b\r\u0007", "x".repeat(65_536)];

/** Whether a text could do harm to a terminal or to a log of annotations. */
function expectHarmless(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u);
  expect(text.split("\n").filter((line) => line.startsWith("::error::forged"))).toEqual([]);
}

describe("the command line", () => {
  it("is a program of its own, tells its version, and every command has help with an example", async () => {
    const manifest = JSON.parse(await readFile(join(project.packageDirectory, "package.json"), "utf8"));
    const bin = await new Promise<string>((resolve, reject) => {
      execFile(join(project.directory, "node_modules/.bin/eka-caches"), ["--version"], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
    expect(bin.trim()).toBe(manifest.version);
    const commands = [
      "check",
      "explain",
      "lint",
      "matrix",
      "migrate",
      "schema",
      "completion",
      "plan",
      "push",
      "promote",
      "worker",
    ];
    const queue = ["add", "status", "list", "show", "dead", "replay", "drop", "cancel"].map((name) => [
      "queue",
      name,
    ]);
    for (const command of [...commands.map((name) => [name]), ...queue]) {
      const { code, stdout } = await run([...command, "--help"]);
      expect(code, command.join(" ")).toBe(0);
      expect(stdout, command.join(" ")).toContain(`Example: `);
      expect(stdout, command.join(" ")).toContain(`eka-caches ${command.join(" ")}`);
    }
  }, 60_000);

  it("says what is wrong with a command, and no stack", async () => {
    for (const args of [
      ["nope"],
      ["explain", "--cache"],
      ["explain", "--cache", "x", "--repo", "o/r", "--nope"],
      ["explain", "--cache", "x", "--repo", "o/r", "--branch", "a", "--tag", "b"],
      ["explain", "--cache", "x", "--repo", "o/r", "--pr", "4"],
      ["explain", "--cache", "x", "--repo", "o/r", "--pr", "four", "--head", "o/r:x"],
      ["matrix", "--format", "yaml"],
      ["schema", "other"],
      ["queue", "status", "--journal", "relative.sqlite"],
      ["queue", "list", "--journal", "/x", "--limit", "0"],
      ["push", "--cache", "x", "--repo", "o/r"],
      ["matrix", "--deny-opening"],
      ["lint", "--branch", "main"],
      ["queue", "status", "--journal", "/x", "--cache", "y"],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect([code, stdout], args.join(" ")).toEqual([2, ""]);
      expect(stderr.length).toBeGreaterThan(10);
      expect(stderr, args.join(" ")).not.toMatch(/\n\s+at |\.js:\d/u);
      const json = await run([...args, "--json"]);
      expect([json.code, JSON.parse(json.stdout).error.code], args.join(" ")).toEqual([2, "ERR_USAGE"]);
    }
    const login = "postgresql://u:hunter2secret@h/db";
    for (const args of [
      ["queue", "list", "--journal", "/x", "--limit", login],
      ["explain", login],
      ["\u001b[31mx\n::error::forged"],
    ]) {
      const { stdout, stderr } = await run(args);
      expectHarmless(stdout + stderr);
      expect(stderr).not.toContain("hunter2secret");
    }
  }, 60_000);

  it("check: a file with ten mistakes, each with its place, and a mended one", async () => {
    const mistakes = await toFile(
      "bad.toml",
      `[security]
max_hook_timeout_seconds = "long"
audit_hoks = true
${cache("a", "allow_all = true").replace('"cachix"', '"cachex"')}
${cache("b", 'allowed_repos = ["x"]')}
${cache("b", "allow_all = true")}
${cache("c d", "allow_all = true")}
${cache("e", 'allow_all = false, allowed_repos = ["[x"]').replace('destination = "e"', "destination = 7")}
${cache("f", "allow_all = true").replace("env_var", "env_vra")}
`,
    );
    const bad = await run(["check", "--config", mistakes]);
    expect(bad.code).toBe(1);
    expect(bad.stderr.match(/error\[/gu)?.length).toBeGreaterThanOrEqual(9);
    expect(bad.stderr).toMatch(/bad\.toml:2:\d+/u);
    const json = JSON.parse((await run(["check", "--json", "--config", mistakes])).stdout);
    expect(json).toMatchObject({ error: { code: "ERR_CONFIG_INVALID" } });
    expect(json.diagnostics[0]).toMatchObject({ range: { start: { line: 2 } } });
    const good = await run(["check", "--config", await toFile("good.toml", TEAM)]);
    expect(good.stdout).toContain("team");
    expect(good.stdout).toContain("TOKEN");
    expect(good.stdout + good.stderr).not.toContain(TOKEN);
  }, 60_000);

  it("explain: the answer, the rule, its line, and what would have to change", async () => {
    const config = await toFile("explain.toml", TEAM);
    const ask = (...args: readonly string[]) =>
      run(["explain", "--config", config, "--cache", "team", "--repo", "o/r", ...args]);
    const allowed = await ask("--branch", "main");
    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toMatch(/allowed_branches has "main" {2}\S+explain\.toml:7:\d+/u);
    const denied = await ask("--branch", "wip");
    expect(denied.code).toBe(3);
    expect(denied.stdout).toMatch(/branch-not-allowed[\s\S]*explain\.toml:7:\d+[\s\S]*to allow it/u);
    const fork = JSON.parse((await ask("--pr", "4", "--head", "x/r:main", "--json")).stdout);
    expect(fork).toMatchObject({ decision: { effect: "deny", reason: "fork-not-allowed" } });
    expect((await run(["explain", "--config", "/no/such.toml", "--cache", "a", "--repo", "o/r"])).code).toBe(
      1,
    );
  }, 60_000);

  it("matrix: who may push where, and what a change opens and closes", async () => {
    const old = await toFile("old.toml", TEAM);
    const wider = await toFile(
      "wider.toml",
      `${TEAM.replace('["main"]', '["main", "dev"]')}${cache("new", "allow_all = true")}`,
    );
    const { stdout, code } = await run(["matrix", "--config", old, "--json"]);
    expect(code).toBe(0);
    const { entries } = JSON.parse(stdout);
    const answer = (repository: string, ref: string) =>
      entries.find(
        (entry: Record<string, string>) => entry["repository"] === repository && entry["ref"] === ref,
      );
    expect(answer("o/any-name-at-all", "branch main")).toMatchObject({ effect: "allow" });
    expect(answer("o/any-name-at-all", "branch any-other-branch")).toMatchObject({ effect: "deny" });
    expect(answer("a-stranger/a-repository", "branch main")).toMatchObject({
      reason: "repository-not-allowed",
    });
    expect(answer("o/any-name-at-all", "pull request of a fork's main")).toMatchObject({
      reason: "fork-not-allowed",
    });
    const diff = await run(["matrix", "--config", wider, "--diff", old, "--deny-opening"]);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/opens +team +o\/any-name-at-all +branch dev/u);
    // Forks that are let in where main is no branch of the list, and a wildcard in place of a longer one.
    for (const [name, narrow, wide] of [
      ["forks", '["release/*"]', '["release/*"], allow_forks = true'],
      ["wildcard", '["example*"]', '["*"]'],
      ["any-name", '["release/a*"]', '["release/*"]'],
      ["ending", '["release/*l"]', '["release/*"]'],
    ] as const) {
      const [before, after] = await Promise.all(
        [narrow, wide].map((list, index) => toFile(`${name}-${index}.toml`, TEAM.replace('["main"]', list))),
      );
      const opening = await run([
        "matrix",
        "--config",
        after ?? "",
        "--diff",
        before ?? "",
        "--deny-opening",
      ]);
      expect([name, opening.code]).toEqual([name, 1]);
    }
    const elsewhere = await toFile(
      "elsewhere.toml",
      TEAM.replace('destination = "team"', 'destination = "other"'),
    );
    const moved = await run(["matrix", "--config", elsewhere, "--diff", old, "--deny-opening"]);
    expect([moved.code, moved.stdout]).toEqual([1, expect.stringContaining("destination")]);
    const closing = await run(["matrix", "--config", old, "--diff", wider, "--deny-opening"]);
    expect(closing.code).toBe(0);
    expect(closing.stdout).toMatch(/closes +new/u);
    const markdown = await run(["matrix", "--config", old, "--format", "md"]);
    expect(markdown.stdout).toContain("| cache | repository |");
  }, 60_000);

  it("colours a terminal or where it is asked to, and nothing else", async () => {
    const config = await toFile("colour.toml", TEAM);
    const args = ["explain", "--config", config, "--cache", "team", "--repo", "o/r", "--branch", "main"];
    const sequence = "\u001b[";
    expect((await run(args)).stdout).not.toContain(sequence);
    expect((await run(args, { env: { FORCE_COLOR: "1" } })).stdout).toContain(`${sequence}32m`);
    expect((await run(args, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stdout).not.toContain(sequence);
  });

  it("lint: findings as frames, JSON and annotations, with hostile names made harmless", async () => {
    const config = await toFile("lint.toml", TEAM);
    const file = await toFile(
      "repository.json",
      JSON.stringify({
        jobs: Object.fromEntries(HOSTILE.map((name) => [name, { file: "x.nix", caches: ["taem"] }])),
      }),
    );
    for (const format of ["text", "github"]) {
      const { code, stdout, stderr } = await run(["lint", "--config", config, "--format", format, file]);
      expect(code).toBe(1);
      expectHarmless(stdout + stderr);
      expect(stdout).toContain(format === "github" ? "::" : "unknown-cache");
    }
    const broken = await run([
      "lint",
      "--config",
      config,
      "--format",
      "github",
      await toFile("broken.json", "{"),
      file,
    ]);
    expect([broken.code, broken.stdout.match(/^::/gmu)?.length]).toEqual([1, 1 + HOSTILE.length]);
    const clean = await toFile("clean.json", '{ "jobs": { "a": { "file": "x.nix", "caches": ["team"] } } }');
    expect((await run(["lint", "--config", config, "--repo", "o/r", "--branch", "main", clean])).code).toBe(
      0,
    );
    expect((await run(["lint", "--config", config, "--repo", "x/y", "--branch", "main", clean])).code).toBe(
      1,
    );
  }, 60_000);

  it("plan: what would happen, from arguments or standard input, and hostile names do no harm", async () => {
    const config = await toFile("plan.toml", TEAM);
    const path = `/nix/store/${"0".repeat(32)}-a`;
    const args = ["plan", "--config", config, "--cache", "team", "--repo", "o/r", "--branch", "main"];
    const planned = await run(args, { input: `${path}\n${path}b\n` });
    expect(planned.code).toBe(0);
    expect(planned.stdout).toContain(`cachix push`);
    expect(planned.stdout + planned.stderr).not.toContain(TOKEN);
    expect((await run([...args.slice(0, -1), "wip", path])).code).toBe(3);
    for (const name of HOSTILE.map((text) => text.slice(0, 1_000))) {
      const { stdout, stderr } = await run([
        "plan",
        "--config",
        config,
        "--cache",
        name,
        "--repo",
        name,
        "--branch",
        name,
        path,
      ]);
      expectHarmless(stdout + stderr);
    }
  }, 60_000);

  it("migrate: hooks become caches, as a diff, and in the file where that is asked for", async () => {
    const before =
      '{\n  "jobs": {\n    "a": {\n      "file": "x.nix",\n      "post_build_hooks": ["cachix push team $OUT_PATHS"]\n    }\n  }\n}\n';
    const file = await toFile("hooks.json", before);
    const shown = await run(["migrate", "--repo", "o/r", file]);
    expect(shown.stdout).toContain("--- ");
    expect(await readFile(file, "utf8")).toBe(before);
    await run(["migrate", "--repo", "o/r", "--write", file]);
    const after = await readFile(file, "utf8");
    const { repositoryJson } = JSON.parse(
      (await run(["migrate", "--repo", "o/r", "--json", await toFile("again.json", before)])).stdout,
    );
    expect(after === before || after === repositoryJson).toBe(true);
  }, 60_000);

  it("migrate shows no credential, and harms no file", async () => {
    const secret = "eyJhbGciOiJIUzI1NiJ9.supersecretpayload.signature";
    const hook = {
      file: "x.nix",
      post_build_hooks: [{ command: "cachix push team", env: { CACHIX_AUTH_TOKEN: secret } }],
    };
    for (const [name, hooks] of [
      ["env", hook],
      [
        "argument",
        { file: "x.nix", post_build_hooks: [`cachix authtoken ${secret}; cachix push team $OUT_PATHS`] },
      ],
    ] as const) {
      const file = await toFile(`secret-${name}.json`, JSON.stringify({ jobs: { a: hooks } }));
      for (const flag of [[], ["--json"], ["--write"]]) {
        const { stdout, stderr } = await run(["migrate", "--repo", "o/r", ...flag, file]);
        expect(stdout + stderr, name).not.toContain("supersecretpayload");
      }
    }
    const bytes = Buffer.concat([
      Buffer.from('{ "jobs": { "a": { "file": "h'),
      Buffer.from([0xe9]),
      Buffer.from('llo" } } }'),
    ]);
    const latin = join(project.directory, "latin.json");
    await writeFile(latin, bytes);
    expect((await run(["migrate", "--write", latin])).code).toBe(1);
    expect(await readFile(latin)).toEqual(bytes);
  }, 60_000);

  it("schema and completion", async () => {
    expect(JSON.parse((await run(["schema", "server"])).stdout)).toMatchObject({ type: "object" });
    for (const shell of ["bash", "zsh", "fish"])
      expect((await run(["completion", shell])).stdout).toContain("__complete");
    const words = async (...line: readonly string[]) =>
      (await run(["__complete", ...line])).stdout.split("\n");
    expect(await words("")).toEqual(expect.arrayContaining(["check", "worker"]));
    expect(await words("queue", "st")).toContain("status");
    expect(await words("matrix", "--for")).toContain("--format");
    const env = {
      EKA_CI_CONFIG_FILE: await toFile("complete.toml", `${TEAM}${cache("other", "allow_all = true")}`),
    };
    const ids = (await run(["__complete", "explain", "--cache", "te"], { env })).stdout.split("\n");
    expect(ids).toContain("team");
    expect(ids).not.toContain("other");
    const bash = `source <(node ${join(project.directory, "node_modules/.bin/eka-caches")} completion bash); complete -p eka-caches`;
    const registered = await new Promise<string>((resolve) =>
      execFile("bash", ["-c", bash], (_error, stdout) => resolve(stdout)),
    );
    expect(registered).toContain("_eka_caches");
  }, 60_000);

  it("ends well when nobody reads on", async () => {
    const config = await toFile(
      "pipe.toml",
      Array.from({ length: 300 }, (_cache, index) => cache(`c${index}`, "allow_all = true")).join(""),
    );
    const bin = join(project.directory, "node_modules/.bin/eka-caches");
    const script = `node ${bin} matrix --config ${config} | head -1; echo "\${PIPESTATUS[0]}"`;
    const stdout = await new Promise<string>((resolve) =>
      execFile("bash", ["-c", script], (_error, text) => resolve(text)),
    );
    expect(stdout.trim().split("\n")).toEqual([expect.stringContaining("cache"), "0"]);
    // Whoever stops reading changes nothing about what a command ends with.
    const denied = `node ${bin} explain --config ${config} --cache nope --repo o/r 2>&1 | true; echo "\${PIPESTATUS[0]}"`;
    const code = await new Promise<string>((resolve) =>
      execFile("bash", ["-c", denied], (_error, text) => resolve(text)),
    );
    expect(code.trim()).toBe("3");
  });
});

describeWith("nix", "the command line with real uploads", () => {
  it("pushes, says what was denied, and what failed", async () => {
    await using store = await PrivateNixStore.create();
    await using server = await BinaryCacheServer.start();
    const config = await toFile("push.toml", toToml(server.url));
    const path = await store.add("cli", "pushed by hand");
    const push = (...args: readonly string[]) =>
      run(["push", "--config", config, "--cache", "team", "--repo", "o/r", ...args, path], {
        env: store.env,
      });
    const pushed = await push("--branch", "main", "--json");
    expect(pushed.code).toBe(0);
    expect(JSON.parse(pushed.stdout)).toMatchObject({
      ok: true,
      results: [{ status: "pushed", storePaths: [path] }],
    });
    expect([...server.objects.keys()].some((name) => name.endsWith(".narinfo"))).toBe(true);
    expect((await push("--branch", "wip")).code).toBe(3);
    await server[Symbol.asyncDispose]();
    expect((await push("--branch", "main")).code).toBe(4);
  }, 60_000);
});

describeWith("nix", "check --probe", () => {
  it("asks the destination, and pushes a path of its own where it is told to", async () => {
    await using store = await PrivateNixStore.create();
    const credentials = { username: "ci", password: "probe-password-canary" };
    await using server = await BinaryCacheServer.start({ credentials });
    const source = '{ env = { vars = ["HTTP_USERNAME", "HTTP_PASSWORD"] } }';
    const config = await toFile("probe.toml", toToml(server.url).replace('"none"', source));
    const check = (probe: string, password = credentials.password) =>
      run(["check", "--config", config, probe], {
        env: { ...store.env, HTTP_USERNAME: "ci", HTTP_PASSWORD: password },
      });
    expect(await check("--probe")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ok +team .*nothing was pushed there yet/u),
    });
    expect(server.objects.size).toBe(0);
    const written = await check("--probe=write");
    expect(written.code).toBe(0);
    const path = /the cache has (\S+-eka-caches-probe)/u.exec(written.stdout)?.[1];
    expect(server.narinfo(path ?? "")).toContain(`StorePath: ${path}`);
    expect((await check("--probe")).stdout).toMatch(/ok +team .*the cache answers/u);
    const refused = await check("--probe", "wrong-password-canary");
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringMatching(/failed +team .*HTTP 401/u)]);
    expect((await check("--probe=write", "wrong-password-canary")).code).toBe(1);
    expect((await check("--probe=delete")).code).toBe(2);
    await server[Symbol.asyncDispose]();
    const away = await check("--probe");
    expect([away.code, away.stdout]).toEqual([5, expect.stringMatching(/failed +team/u)]);
    expect(written.stdout + refused.stdout + refused.stderr).not.toContain("canary");
  }, 90_000);
});

describeWith("nix", "a push of the command line that is ended", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "by %s ends with %d, and reports what was done",
    async (signal, expected) => {
      await using store = await PrivateNixStore.create();
      await using server = await BinaryCacheServer.start({ hang: true });
      const config = await toFile(`${signal}.toml`, toToml(server.url));
      const path = await store.add(signal, "never there");
      const bin = join(project.directory, "node_modules/.bin/eka-caches");
      const args = [
        "push",
        "--config",
        config,
        "--cache",
        "team",
        "--repo",
        "o/r",
        "--branch",
        "main",
        "--json",
        path,
      ];
      const env = { ...store.env, HOME: project.directory };
      const child = spawn(process.execPath, [bin, ...args], { env, stdio: ["ignore", "pipe", "ignore"] });
      const ended = once(child, "close");
      let stdout = "";
      child.stdout.on("data", (chunk) => {
        stdout += String(chunk);
      });
      await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(0), 20_000);
      child.kill(signal);
      expect(await ended).toEqual([expected, null]);
      expect(JSON.parse(stdout).results).toMatchObject([{ status: "aborted", storePaths: [] }]);
    },
    60_000,
  );
});

const toToml = (url: string): string => `
[security]
allow_private_cache_hosts = true
[[caches]]
id = "team"
cache_type = "nix-copy"
destination = "${url}"
credentials = "none"
permissions = { allow_all = false, allowed_repos = ["o/*"], allowed_branches = ["main"] }
`;

describeWith("node:sqlite", "the queue and the worker of the command line", () => {
  it("queue add hands paths over once, and says what policy denies", async () => {
    const config = await toFile("add.toml", TEAM);
    const journal = join(project.directory, "add.sqlite");
    const path = `/nix/store/${"0".repeat(32)}-a`;
    const add = (branch: string, ...more: readonly string[]) =>
      run(
        [
          ...["queue", "add", "--config", config, "--journal", journal, "--cache", "team", "--repo", "o/r"],
          ...["--branch", branch, "--push-id", "x", ...more],
        ],
        { node: nodeWithSqlite, input: `${path}\n` },
      );
    expect(JSON.parse((await add("main", "--json")).stdout)).toEqual({
      ...{ pushId: "x", deliveries: ["x/team"], denied: [] },
    });
    expect((await add("main")).stdout).toContain("accepted");
    expect(await add("wip")).toMatchObject({ code: 3 });
    const status = await run(["queue", "status", "--json", "--journal", journal], { node: nodeWithSqlite });
    expect(JSON.parse(status.stdout).caches).toMatchObject([{ cacheId: "team", waiting: 1 }]);
    expect(
      (await run(["queue", "cancel", "x/team", "--journal", journal], { node: nodeWithSqlite })).stdout,
    ).toContain("1 delivery was");
  }, 60_000);

  it("a worker whose port is taken says so, and ends", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const config = await toFile("port.toml", TEAM);
    const args = [
      "worker",
      "--config",
      config,
      "--journal",
      join(project.directory, "port.sqlite"),
      "--metrics",
      `${port}`,
    ];
    const { code, stderr } = await run(args, { node: nodeWithSqlite });
    taken.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining(`port ${port}`)]);
  }, 30_000);

  describeWith("nix", "with a store", () => {
    it("a worker that is killed is followed by another, which delivers, tells, drains and ends", async () => {
      await using store = await PrivateNixStore.create();
      await using server = await BinaryCacheServer.start();
      const config = await toFile("worker.toml", toToml(server.url));
      const journal = join(project.directory, "pushes.sqlite");
      const path = await store.add("worker", "pushed by a worker");
      const enqueue = async (branch: string): Promise<void> => {
        const script = `
        import { CacheRegistry, createSqliteJournal, PushQueue } from "@eka-ci/caches";
        const registry = await CacheRegistry.load(${JSON.stringify(config)});
        const queue = new PushQueue(registry, { journal: createSqliteJournal(${JSON.stringify(journal)}), role: "producer", leaseMs: 1000 });
        await queue.enqueue({ repository: "o/r", ref: { type: "branch", name: ${JSON.stringify(branch)} }, job: "j", caches: ["team"], storePaths: [${JSON.stringify(path)}] });
        await queue.close();`;
        await writeFile(join(project.directory, "enqueue.mjs"), script);
        await new Promise<void>((resolve, reject) => {
          execFile(
            nodeWithSqlite ?? "",
            ["--no-warnings", "enqueue.mjs"],
            { cwd: project.directory },
            (error) => (error === null ? resolve() : reject(error)),
          );
        });
      };
      const bin = join(project.directory, "node_modules/.bin/eka-caches");
      const start = (): ChildProcess =>
        spawn(
          nodeWithSqlite ?? "",
          ["--no-warnings", bin, "worker", "--config", config, "--journal", journal],
          {
            env: { ...store.env, HOME: project.directory },
            stdio: ["ignore", "ignore", "pipe"],
          },
        );
      const untilReady = async (child: ChildProcess): Promise<void> => {
        let text = "";
        for await (const chunk of child.stderr ?? []) {
          text += String(chunk);
          if (text.includes("ready")) return;
        }
        throw new Error(`the worker ended: ${text}`);
      };
      const killed = start();
      await untilReady(killed);
      killed.kill("SIGKILL");
      await once(killed, "close");
      await enqueue("main");
      const follower = start();
      const ended = once(follower, "close");
      await vi.waitFor(
        () => expect([...server.objects.keys()].some((name) => name.endsWith(".narinfo"))).toBe(true),
        20_000,
      );
      follower.kill("SIGTERM");
      expect((await ended)[0]).toBe(0);
      const queue = (...args: readonly string[]) =>
        run(["queue", ...args, "--journal", journal], { node: nodeWithSqlite });
      const list = JSON.parse((await queue("list", "--json")).stdout);
      expect(list.deliveries).toMatchObject([{ state: "settled", attempts: 1, repository: "o/r" }]);
      expect((await queue("status")).stdout).toContain("empty");
      const [{ id }] = list.deliveries;
      expect((await queue("show", id)).stdout).toContain(path);
      expect((await queue("show", "never")).code).toBe(1);
      expect((await queue("replay")).code).toBe(2);
      expect((await queue("replay", "--all")).stdout).toContain("0 deliveries");
      expect((await queue("replay", "never")).code).toBe(1);
      const typo = ["queue", "status", "--journal", join(project.directory, "typo.sqlite")];
      expect(await run(typo, { node: nodeWithSqlite })).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("no journal"),
      });
      expect(existsSync(join(project.directory, "typo.sqlite"))).toBe(false);
    }, 90_000);
  });
});
