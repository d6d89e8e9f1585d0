import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CacheRegistry,
  type CacheRegistryOptions,
  PushQueue,
  type PushRequest,
  type PushResult,
} from "@eka-ci/caches";
import { toVisibleText } from "@eka-ci/caches/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { directoryStore } from "../../examples/cache-types/directory-store.ts";
import { niks3 } from "../../examples/cache-types/niks3.ts";
import { sshStore } from "../../examples/cache-types/ssh-store.ts";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeWith } from "../support/requirement.ts";
import { findFreePort } from "./servers/external-server.ts";

const toToml = (lines: string): string => `[security]
allow_private_cache_hosts = true

[[caches]]
id = "c"
permissions = { allow_all = true }
${lines}`;

const toRequest = (storePaths: readonly string[]): PushRequest => ({
  repository: "o/r",
  ref: { type: "branch", name: "main" },
  job: "j",
  caches: ["c"],
  storePaths,
});

const read = (file: string): string => readFileSync(file, "utf8");

describeWith("nix", "cache types of the host's own", () => {
  let store: PrivateNixStore;
  let directory = "";
  let path = "";

  beforeEach(async () => {
    store = await PrivateNixStore.create();
    directory = await realpath(await mkdtemp(join(tmpdir(), "eka-ci-types-")));
    path = await store.add("hello", "hello");
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    execFileSync("chmod", ["-R", "u+w", directory]);
    await rm(directory, { recursive: true });
  });

  const open = (lines: string, options: CacheRegistryOptions, env: Record<string, string> = {}) =>
    CacheRegistry.fromToml(toToml(lines), { ...options, runtime: { env: { ...store.env, ...env } } });
  const pushTo = async (
    lines: string,
    options: CacheRegistryOptions,
    env: Record<string, string> = {},
    storePaths: readonly string[] = [path],
  ): Promise<PushResult | undefined> => {
    await using registry = open(lines, options, env);
    const { results } = await registry.push(toRequest(storePaths));
    return results[0];
  };

  describe("a directory", () => {
    const lines = () =>
      `cache_type = "custom:directory"\ndestination = "file://${directory}/team"\ncredentials = "none"`;

    it("holds a cache that another nix reads, and is asked before the push counts", async () => {
      const types = { cacheTypes: [directoryStore(directory)] };
      expect(await pushTo(lines(), types)).toMatchObject({ status: "pushed", confirmedPaths: [path] });
      const hash = path.split("/").at(-1)?.slice(0, 32);
      expect(readFileSync(join(directory, "team", `${hash}.narinfo`), "utf8")).toContain(path);
      const [from, features] = [`file://${directory}/team`, ["--extra-experimental-features", "nix-command"]];
      await using reader = await PrivateNixStore.create();
      const env = { ...reader.env, NIX_STORE_DIR: store.env["NIX_STORE_DIR"], HOME: directory };
      execFileSync("nix", [...features, "path-info", "--store", from, path], { env });
    });

    it("says whose fault it is where the directory cannot be written", async () => {
      await writeFile(join(directory, "team"), "no directory");
      const result = await pushTo(lines(), { cacheTypes: [directoryStore(directory)] });
      expect(result).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_FAILED" } });
    });
  });

  describe("niks3, by a client that stands in", () => {
    it("gets its token as a private file alone, and is believed only once the cache has the path", async () => {
      await using server = await BinaryCacheServer.start();
      const bin = join(directory, "bin");
      await mkdir(bin);
      const script = `#!/bin/sh
[ "$1 $2 $3" = "push --server-url https://niks3.example.org" ] || exit 64
cat "$XDG_CONFIG_HOME/niks3/auth-token" > ${directory}/seen
stat -L -c %a "$NIKS3_AUTH_TOKEN_FILE" > ${directory}/mode
tr '\\0' ' ' < /proc/$$/environ > ${directory}/environ
echo "uploading with $(cat "$NIKS3_AUTH_TOKEN_FILE")" >&2
[ -n "$(cat ${directory}/fails 2>/dev/null)" ] && { echo "level=ERROR msg=\\"status code: 401\\"" >&2; exit 1; }
shift 3
${directory}/upload "$@"
`;
      await writeFile(join(bin, "niks3"), script);
      await writeFile(join(directory, "upload"), "#!/bin/sh\n");
      await chmod(join(bin, "niks3"), 0o755);
      await chmod(join(directory, "upload"), 0o755);
      const env = { PATH: `${bin}:${store.env["PATH"]}`, NIKS3_AUTH_TOKEN: "canary-niks3-token" };
      const lines = `cache_type = "custom:niks3"
destination = "https://niks3.example.org"
substituter = "${server.url}"
credentials = { env = { vars = ["NIKS3_AUTH_TOKEN"] } }`;
      const options = { cacheTypes: [niks3] };

      // A client that exits with 0 and uploads nothing.
      const lied = await pushTo(lines, options, env);
      expect(lied).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_UNVERIFIED" } });
      expect(read(join(directory, "seen"))).toBe("canary-niks3-token");
      expect(read(join(directory, "mode"))).toBe("600\n");
      expect(read(join(directory, "environ"))).not.toContain("canary-niks3-token");
      expect(toVisibleText(lied)).not.toContain("canary-niks3-token");

      const copy = `nix --extra-experimental-features nix-command copy --to '${server.url}' "$@"`;
      await writeFile(join(directory, "upload"), `#!/bin/sh\n${copy}\n`);
      expect(await pushTo(lines, options, env)).toMatchObject({ status: "pushed", confirmedPaths: [path] });

      await writeFile(join(directory, "fails"), "yes");
      await using registry = open(lines, options, env);
      await using queue = new PushQueue(registry, { maxAttempts: 1 });
      const ticket = await queue.enqueue(toRequest([await store.add("other", "other")]));
      const report = await ticket.done;
      expect(report.results[0]).toMatchObject({
        status: "failed",
        executions: [{ meaning: "unauthorized" }],
      });
    });
  });
});

describeWith("sshd", "a store over ssh", () => {
  let store: PrivateNixStore;
  let directory = "";
  let server: ChildProcess | undefined;
  let port = 0;
  let path = "";
  const at = (name: string): string => join(directory, name);
  const keyOf = (name: string): string => readFileSync(at(name)).toString("base64");
  const hostKeyOf = (name: string): string =>
    readFileSync(at(`${name}.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ")
      .trim();

  beforeAll(async () => {
    store = await PrivateNixStore.create();
    directory = await realpath(await mkdtemp(join(tmpdir(), "eka-ci-ssh-store-")));
    for (const name of ["host", "other-host", "user", "stranger"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
    port = await findFreePort();
    // The other machine: the same store directory below a root of its own.
    const env = { ...store.env, NIX_REMOTE: `local?root=${at("remote")}` };
    const assigned = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    await writeFile(at("serve"), `#!/bin/sh\nexec env ${assigned.join(" ")} nix-daemon --stdio\n`);
    await chmod(at("serve"), 0o755);
    await writeFile(at("authorized"), `command="${at("serve")}",restrict ${hostKeyOf("user")}\n`);
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("authorized")}`,
      "StrictModes no",
      "PidFile none",
      "PermitRootLogin yes",
    ];
    await writeFile(at("sshd_config"), `${lines.join("\n")}\n`);
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("sshd_config")], { stdio: "ignore" });
    for (let round = 0; round < 100 && !isListening(port); round++) await sleep(100);
    path = await store.add("hello", "hello");
  }, 30_000);
  afterAll(async () => {
    server?.kill();
    await store[Symbol.asyncDispose]();
    execFileSync("chmod", ["-R", "u+w", directory]);
    await rm(directory, { recursive: true });
  });

  const push = async (hostKey: string, key: string, storePath = path) => {
    const lines = `cache_type = "custom:ssh"
destination = "ssh-ng://${userInfo().username}@127.0.0.1"
options = { host_key = "${hostKey}", port = ${port} }
credentials = { env = { vars = ["STORE_SSH_KEY"] } }`;
    const env = { ...store.env, STORE_SSH_KEY: key };
    await using registry = CacheRegistry.fromToml(toToml(lines), {
      cacheTypes: [sshStore],
      runtime: { env },
    });
    const { results } = await registry.push(toRequest([storePath]));
    expect(toVisibleText(results)).not.toContain(Buffer.from(key, "base64").toString().split("\n")[3] ?? key);
    expect(await store.listWorkDirectories()).toEqual([]);
    return results[0];
  };

  it("takes a path, and is asked for it", async () => {
    expect(await push(hostKeyOf("host"), keyOf("user"))).toMatchObject({
      status: "pushed",
      confirmedPaths: [path],
    });
    expect(existsSync(join(directory, "remote/nix/store", basename(path)))).toBe(true);
  });

  it("is no store where the server's key is another", async () => {
    expect(await push(hostKeyOf("other-host"), keyOf("user"))).toMatchObject({
      status: "failed",
      executions: [{ meaning: "misconfigured" }],
    });
  });

  it("says that a key is not taken, and that what is none is none", async () => {
    expect(await push(hostKeyOf("host"), keyOf("stranger"))).toMatchObject({
      status: "failed",
      executions: expect.arrayContaining([expect.objectContaining({ meaning: "unauthorized" })]),
    });
    expect(
      await push(hostKeyOf("host"), Buffer.from("no key at all\n\n\nhere").toString("base64")),
    ).toMatchObject({
      status: "failed",
      executions: expect.arrayContaining([expect.objectContaining({ meaning: "unauthorized" })]),
    });
  });
});

function isListening(port: number): boolean {
  try {
    execFileSync("ssh-keyscan", ["-T", "1", "-p", String(port), "127.0.0.1"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
