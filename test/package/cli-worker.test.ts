import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { InstalledCli } from "../support/installed-cli.ts";
import { describeWith, nodeWithSqlite } from "../support/requirement.ts";

const execute = promisify(execFile);

const toToml = (url: string): string => `
[security]
allow_private_cache_hosts = true
[[caches]]
id = "team"
cache_type = "nix-copy"
destination = "${url}"
credentials = "none"
permissions = { allow_all = true }
`;

describeWith("node:sqlite", "the command line", () =>
  describeWith("nix", "the worker and the queue", () => {
    let cli: InstalledCli;
    beforeAll(async () => {
      cli = await InstalledCli.install();
    }, 180_000);
    afterAll(() => cli[Symbol.asyncDispose]());

    /** What an operator has: a configuration, a journal, and the program. */
    async function setUp(name: string, url: string, env: Readonly<Record<string, string>>) {
      const config = await cli.toFile(`${name}.toml`, toToml(url));
      const journal = join(cli.directory, `${name}.sqlite`);
      const options = { node: nodeWithSqlite, env };
      const queue = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await cli.run(
          ["queue", ...args, "--journal", journal, "--json"],
          options,
        );
        expect([args.join(" "), code, stderr]).toEqual([args.join(" "), 0, ""]);
        return JSON.parse(stdout);
      };
      // Whoever hands paths over has a file of its own.
      const own = await cli.toFile(`${name}-producer.toml`, toToml(url));
      const add = (path: string) => queue("add", "--config", own, "--cache", "team", "--repo", "o/r", path);
      const start = (...args: readonly string[]) => {
        const child = cli.start(["worker", "--config", config, "--journal", journal, ...args], options);
        const log: string[] = [];
        child.stderr?.on("data", (chunk) => log.push(String(chunk)));
        const tells = (text: string) => vi.waitFor(() => expect(log.join("")).toContain(text), 20_000);
        return { child, tells, ended: once(child, "close") };
      };
      return { config, queue, add, start };
    }

    const end = async (child: ChildProcess, ended: Promise<unknown[]>): Promise<void> => {
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    };

    it("keeps a ledger, which says who brought a path, what is owed, and all of it as JSON Lines", async () => {
      await using store = await PrivateNixStore.create();
      const path = await store.add("hello", "hello");
      await using server = await BinaryCacheServer.start();
      const { config, start } = await setUp("ledger", server.url, store.env);
      const onlyMain = `allow_all = false, allowed_repos = ["o/r"], allowed_branches = ["main"]`;
      const [, table = ""] = toToml(server.url).split("[[caches]]");
      const second = table.replace('"team"', '"main-only"').replace("allow_all = true", onlyMain);
      await writeFile(config, `${toToml(server.url)}[[caches]]${second}`);
      const ledger = join(cli.directory, "ledger.db");
      const run = (...args: readonly string[]) => cli.run(args, { node: nodeWithSqlite, env: store.env });
      const journal = join(cli.directory, "ledger.sqlite");
      const added = await run(
        ...["queue", "add", "--config", config, "--journal", journal, "--ledger", ledger, "--cache", "team"],
        ...["--cache", "main-only", "--repo", "o/r", "--branch", "feature", "--job", "build", path],
      );
      expect(added.code).toBe(3);
      const { child, ended } = start("--ledger", ledger);
      await vi.waitFor(async () => {
        const { stdout } = await run("ledger", "find", path, "--ledger", ledger, "--json");
        expect(JSON.parse(stdout).entries).toMatchObject([
          { cacheId: "team", outcome: "pushed", repository: "o/r", job: "build" },
          { cacheId: "main-only", outcome: "denied", reason: "branch-not-allowed" },
        ]);
      }, 20_000);
      await end(child, ended);
      const owed = await run("ledger", "owed", "--ledger", ledger, "--repo", "o/r");
      expect([owed.code, owed.stdout.includes("main-only"), owed.stdout.includes("team")]).toEqual([
        0,
        true,
        false,
      ]);
      const { stdout } = await run("ledger", "export", "--ledger", ledger);
      const lines = stdout.trim().split("\n");
      expect(lines.map((line) => JSON.parse(line).outcome)).toEqual(["pushed", "denied"]);
      expect((await run("ledger", "find", "--ledger", "/nowhere.db")).code).toBe(1);
      expect((await run("ledger", "find", "--ledger", journal)).code).toBe(5);
    }, 60_000);

    it("ends what runs at the second SIGTERM, and leaves it to the next worker", async () => {
      await using store = await PrivateNixStore.create();
      const path = await store.add("hangs", "hangs at first");
      const hanging = await BinaryCacheServer.start({ hang: true });
      const { config, queue, add, start } = await setUp("second", hanging.url, store.env);
      await add(path);
      const { child, tells, ended } = start("--drain-seconds", "600");
      await vi.waitFor(() => expect(hanging.requests.length).toBeGreaterThan(0), 20_000);
      child.kill("SIGTERM");
      await tells("waiting for running deliveries");
      expect(child.exitCode).toBe(null);
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
      await hanging[Symbol.asyncDispose]();
      expect((await queue("list")).deliveries).toMatchObject([{ state: "waiting" }]);
      await using server = await BinaryCacheServer.start();
      await cli.toFile("second.toml", toToml(server.url));
      expect(await readFile(config, "utf8")).toContain(server.url);
      const follower = start();
      await vi.waitFor(() => expect(server.narinfo(path)).toContain(path), 20_000);
      await end(follower.child, follower.ended);
    }, 90_000);

    it("reads the configuration anew at SIGHUP, and keeps the old one where the new does not load", async () => {
      await using store = await PrivateNixStore.create();
      await using before = await BinaryCacheServer.start();
      await using after = await BinaryCacheServer.start();
      const { add, start } = await setUp("reload", before.url, store.env);
      const { child, tells, ended } = start();
      await tells("ready");
      await cli.toFile("reload.toml", toToml(after.url));
      child.kill("SIGHUP");
      await tells("1 changed");
      const path = await store.add("reloaded", "goes to the new destination");
      await add(path);
      await vi.waitFor(() => expect(after.narinfo(path)).toContain(path), 20_000);
      expect(before.objects.size).toBe(0);
      await cli.toFile("reload.toml", "not TOML");
      child.kill("SIGHUP");
      await tells("the old one stays");
      const other = await store.add("still", "goes there as well");
      await add(other);
      await vi.waitFor(() => expect(after.narinfo(other)).toContain(other), 20_000);
      await end(child, ended);
    }, 90_000);

    it("delivers a dead letter that is replayed once its cause is mended", async () => {
      await using store = await PrivateNixStore.create();
      let isBroken = true;
      await using server = await BinaryCacheServer.start({
        fail: ({ method }) => (isBroken && method === "PUT" ? 400 : undefined),
      });
      const path = await store.add("dead", "refused at first");
      const { queue, add, start } = await setUp("dead", server.url, store.env);
      await add(path);
      const { child, ended } = start();
      const dead = await vi.waitFor(
        async () => {
          const { deliveries } = await queue("dead");
          expect(deliveries).toHaveLength(1);
          return deliveries[0];
        },
        { timeout: 30_000, interval: 500 },
      );
      expect(dead).toMatchObject({ repository: "o/r", cacheId: "team" });
      isBroken = false;
      expect(await queue("replay", dead.id)).toEqual({ count: 1 });
      await vi.waitFor(() => expect(server.narinfo(path)).toContain(path), 30_000);
      await vi.waitFor(async () => expect((await queue("dead")).deliveries).toEqual([]), 10_000);
      await end(child, ended);
    }, 120_000);

    it("gets what Nix has built from the hook after the build", async () => {
      await using store = await PrivateNixStore.create();
      await using server = await BinaryCacheServer.start();
      const { config, queue } = await setUp("hook", server.url, store.env);
      // The program runs on a Node.js with SQLite, whatever the first one on the PATH is.
      const start = `exec "${nodeWithSqlite}" --no-warnings "${cli.bin}" "$@"`;
      const program = await cli.toFile("eka-caches", `#!/bin/sh\n${start}\n`);
      const example = new URL("../../examples/post-build-hook/hook.sh", import.meta.url);
      const hook = await cli.toFile("hook.sh", await readFile(example, "utf8"));
      for (const path of [program, hook]) await chmod(path, 0o755);
      const builder = 'builder = "/bin/sh"; args = [ "-c" "echo built > $out" ];';
      const expression = `derivation { name = "built"; system = builtins.currentSystem; ${builder} }`;
      const args = ["--no-out-link", "--option", "substituters", "", "--option", "post-build-hook", hook];
      const { stdout } = await execute("nix-build", [...args, "--expr", expression], {
        env: {
          ...store.env,
          PATH: `${cli.directory}:${store.env["PATH"]}`,
          HOME: cli.directory,
          EKA_CACHES_JOURNAL: join(cli.directory, "hook.sqlite"),
          EKA_CACHES_CONFIG: config,
          EKA_CACHES_USER: userInfo().username,
        },
      });
      const path = stdout.trim();
      expect(path).toMatch(/-built$/u);
      const deliveries = await vi.waitFor(
        async () => {
          expect(existsSync(join(cli.directory, "hook.sqlite"))).toBe(true);
          const list = (await queue("list")).deliveries;
          expect(list).toHaveLength(1);
          return list;
        },
        { timeout: 20_000, interval: 500 },
      );
      expect(deliveries).toMatchObject([{ repository: "local/builds", state: "waiting" }]);
      expect((await queue("show", deliveries[0].id)).delivery.request.storePaths).toEqual([path]);
    }, 90_000);
  }),
);
