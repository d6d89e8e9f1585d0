import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createProcessExecutor, Secret } from "@eka-ci/caches";
import { afterEach, describe, expect, it } from "vitest";
import type { CommandSpec } from "../../src/commands/command.ts";
import { workFile } from "../../src/commands/command.ts";
import { toStartError } from "../../src/execution/host-shortage.ts";
import { removeTree } from "../../src/execution/remove-tree.ts";
import { sweepHomes } from "../../src/execution/sweep-homes.ts";
import { createWorkDirectory } from "../../src/execution/work-dir.ts";

const parents: string[] = [];
const makeParent = (): string => {
  const parent = mkdtempSync(join(tmpdir(), "eka-ci-parent-"));
  parents.push(parent);
  return parent;
};
afterEach(() => {
  for (const parent of parents.splice(0)) rmSync(parent, { recursive: true, force: true });
});

const NETRC = workFile("netrc");
const withSecret: CommandSpec = {
  file: "nix",
  args: [NETRC],
  env: new Map(),
  files: [{ path: NETRC, content: new Secret("canary-4f1d9c"), secrets: [] }],
};

describe("private files", () => {
  it("lie in memory, readable by their owner alone, with a link in the work directory", async () => {
    const [work, secrets] = [makeParent(), makeParent()];
    const run = createWorkDirectory(withSecret, { work, secrets });
    const path = run.resolve(NETRC);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readlinkSync(path).startsWith(secrets)).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("canary-4f1d9c");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await run.remove();
    expect([readdirSync(work), readdirSync(secrets)]).toEqual([[], []]);
  });

  it("are gone when the removal of the rest goes on", async () => {
    const [work, secrets] = [makeParent(), makeParent()];
    const run = createWorkDirectory(withSecret, { work, secrets });
    writeFileSync(join(run.path, "left"), "x");
    const removing = run.remove();
    expect(readdirSync(secrets)).toEqual([]);
    expect(existsSync(run.resolve(NETRC))).toBe(false);
    await removing;
    expect(readdirSync(work)).toEqual([]);
  });

  it("are not left behind where a directory cannot be made", () => {
    const secrets = makeParent();
    expect(() => createWorkDirectory(withSecret, { work: "/nonexistent", secrets })).toThrow(
      expect.objectContaining({ code: "ERR_COMMAND_INVALID" }),
    );
    expect(readdirSync(secrets)).toEqual([]);
  });
});

describe("what a killed host leaves", () => {
  /** A host that runs a command with a secret and is killed in the middle. */
  const killHost = async (work: string, secrets: string, signal: NodeJS.Signals, keepAlive = false) => {
    const script = `
      import { createProcessExecutor, Secret } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const path = { kind: "work-file", path: "netrc" };
      const executor = createProcessExecutor(${JSON.stringify({ workDirectoryParent: work, secretsParent: secrets })});
      void executor.execute({ file: "/bin/sh", args: ["-c", "sleep 1"], env: new Map(), files: [{ path, content: new Secret("canary"), secrets: [] }] });
      setTimeout(() => console.log("running"), 200);
      setInterval(() => {}, 1000);`;
    const host = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(host.stdout, "data");
    if (!keepAlive) {
      host.kill(signal);
      await once(host, "close");
    }
    return host;
  };
  const findSecrets = (parent: string): string[] =>
    readdirSync(parent, { recursive: true, encoding: "utf8" }).filter((path) =>
      /run-[^/]+\/\d+$/u.test(path),
    );

  it.each(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "by %s is swept by the next",
    async (signal) => {
      const [work, secrets] = [makeParent(), makeParent()];
      await killHost(work, secrets, signal);
      expect(findSecrets(secrets)).toHaveLength(1);
      const executor = createProcessExecutor({ workDirectoryParent: work, secretsParent: secrets });
      await executor.execute({ ...withSecret, file: "/bin/true", args: [] });
      for (
        let tries = 0;
        tries < 1_000 && readdirSync(work).length + readdirSync(secrets).length > 0;
        tries++
      )
        await sleep(20);
      expect([readdirSync(work), readdirSync(secrets)]).toEqual([[], []]);
    },
  );

  it("is not swept while the host lives, also while it stands still", async () => {
    const [work, secrets] = [makeParent(), makeParent()];
    const host = await killHost(work, secrets, "SIGKILL", true);
    host.kill("SIGSTOP");
    await sweepHomes(secrets);
    await sweepHomes(work);
    expect(findSecrets(secrets)).toHaveLength(1);
    host.kill("SIGKILL");
    await once(host, "close");
    await sweepHomes(secrets);
    expect(readdirSync(secrets)).toEqual([]);
  });

  it("is swept while living processes remove what is theirs", async () => {
    const [work, secrets] = [makeParent(), makeParent()];
    await killHost(work, secrets, "SIGKILL");
    const living = Array.from({ length: 300 }, (_, index) =>
      join(work, `eka-ci-caches-${String(index).padStart(6, "0")}`),
    );
    for (const home of living) mkdirSync(home, { mode: 0o700 });
    const sweeping = sweepHomes(work);
    for (const home of living) {
      await sleep(0);
      rmSync(home, { recursive: true });
    }
    await sweeping;
    expect(readdirSync(work)).toEqual([]);
  });

  it("is not swept where anything about it is not ours", async () => {
    const parent = makeParent();
    const home = async (name: string, mode = 0o700): Promise<void> => {
      const path = join(parent, name);
      mkdirSync(path, { mode });
      const script = `require("net").createServer().listen(${JSON.stringify(join(path, "owner"))}, () => process.kill(process.pid, "SIGKILL"))`;
      await once(spawn(process.execPath, ["-e", script]), "close");
    };
    await home("eka-ci-caches-aaaaaa");
    await home("eka-ci-caches-bbbbbb", 0o755);
    await home("another-app-cccccc");
    mkdirSync(join(parent, "eka-ci-caches-dddddd"), { mode: 0o700 });
    mkdirSync(join(parent, "eka-ci-caches-eeeeee"), { mode: 0o700 });
    writeFileSync(join(parent, "eka-ci-caches-eeeeee", "owner"), "");
    await sweepHomes(parent);
    expect(readdirSync(parent).sort()).toEqual([
      "another-app-cccccc",
      "eka-ci-caches-bbbbbb",
      "eka-ci-caches-dddddd",
      "eka-ci-caches-eeeeee",
    ]);
  });
});

describe("a tree that a tool has left", () => {
  it("is removed however deep it is", async () => {
    const root = makeParent();
    // Deeper than a path can name: chains of a thousand are hung into each other.
    let inner: string | undefined;
    for (let chain = 0; chain < 60; chain++) {
      const outer = join(root, `chain-${chain}`);
      const bottom = join(outer, ...Array.from({ length: 1_000 }, () => "d"));
      mkdirSync(bottom, { recursive: true });
      if (inner !== undefined) renameSync(inner, join(bottom, "in"));
      inner = outer;
    }
    await removeTree(root);
    expect(existsSync(root)).toBe(false);
  }, 60_000);

  it("is removed with links that are not followed, and with directories that are locked", async () => {
    const [root, outside] = [makeParent(), makeParent()];
    writeFileSync(join(outside, "kept"), "x");
    mkdirSync(join(root, "locked/inner"), { recursive: true });
    writeFileSync(join(root, "locked/inner/file"), "x");
    const { symlinkSync, chmodSync } = await import("node:fs");
    symlinkSync(outside, join(root, "link"));
    chmodSync(join(root, "locked/inner"), 0o500);
    chmodSync(join(root, "locked"), 0o000);
    await removeTree(root);
    expect([existsSync(root), readdirSync(outside)]).toEqual([false, ["kept"]]);
  });
});

describe("what a host is short of", () => {
  it.each(["ENOSPC", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "EDQUOT"])(
    "%s passes, and is no fault of the command",
    (code) => {
      const error = toStartError(
        Object.assign(new Error("spawn canary --token=x"), { code }),
        "nix could not be started",
        "why",
      );
      expect(error).toMatchObject({ name: "CommandError", code: "ERR_HOST_EXHAUSTED" });
      expect(error.message).toContain(code);
      expect(error.message).not.toContain("canary");
    },
  );

  it.each(["E2BIG", "EACCES", "ENOEXEC", "ENOENT"])("%s is one", (code) => {
    const error = toStartError(
      Object.assign(new Error("x"), { code }),
      "nix could not be started",
      "it cannot be executed",
    );
    expect(error).toMatchObject({
      code: "ERR_COMMAND_INVALID",
      message: `nix could not be started: it cannot be executed (${code})`,
    });
  });

  it("of disk for the work directory is told so", () => {
    // A full disk, as small as one can be.
    const full = "/dev/full";
    expect(existsSync(full)).toBe(true);
    expect(() => writeFileSync(full, "x")).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    try {
      writeFileSync(full, "x");
    } catch (error) {
      expect(toStartError(error, "a", "b").code).toBe("ERR_HOST_EXHAUSTED");
    }
  });
});
