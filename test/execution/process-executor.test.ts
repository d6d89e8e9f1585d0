import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  buildAtticPushCommand,
  type CommandSpec,
  createProcessExecutor,
  type ExecuteOptions,
  type ExecutionResult,
  type ProcessExecutorOptions,
  Secret,
  type WorkPath,
} from "@eka-ci/caches";
import { describeExecutor, toVisibleText } from "@eka-ci/caches/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

describeExecutor({ name: "process", framework: { describe, it }, create: () => createProcessExecutor() });

/** Timeout, 5 s of grace and 1 s: the bound that every run keeps, with some slack for a busy machine. */
const SLACK_MS = 1_500;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "eka-ci-executor-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The private home that every command of this package has. */
const privateHome = (): CommandSpec["env"] =>
  buildAtticPushCommand({
    destination: { type: "attic", url: "https://a.example/c", endpoint: "https://a.example/", cache: "c" },
    storePaths: [`/nix/store/${"0".repeat(32)}-x`],
    credentials: { env: new Map() },
  }).env;

const workFile = (path: string): WorkPath => ({ kind: "work-file", path });

const node = (script: string, more: Partial<CommandSpec> = {}): CommandSpec => ({
  file: process.execPath,
  args: ["-e", script],
  env: privateHome(),
  files: [],
  ...more,
});

const shell = (script: string): CommandSpec => ({
  file: "/bin/sh",
  args: ["-c", script],
  env: privateHome(),
  files: [],
});

const execute = (command: CommandSpec, options: ExecuteOptions = {}, executor: ProcessExecutorOptions = {}) =>
  createProcessExecutor({ workDirectoryParent: directory, ...executor }).execute(command, options);

/** Runs a command that prints process ids, and tells how long it took and which of them live on. */
async function measure(
  command: CommandSpec,
  options: ExecuteOptions,
): Promise<{ result: ExecutionResult; elapsedMs: number; survivors: number[] }> {
  const start = performance.now();
  const result = await execute(command, options);
  const elapsedMs = performance.now() - start;
  const printed = [...result.stdout.matchAll(/pid=(\d+)/gu)].map((match) => Number(match[1]));
  expect(printed.length, "the command printed its process ids").toBeGreaterThan(0);
  for (let round = 0; round < 20 && printed.some(isAlive); round++) await sleep(25);
  return { result, elapsedMs, survivors: printed.filter(isAlive) };
}

/** A zombie that its new parent has not collected yet is dead. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/status`;
  return !existsSync(status) || !/^State:\s+Z/mu.test(readFileSync(status, "utf8"));
}

describe("the child's environment", () => {
  it("is the allow-list exactly, though the host holds a hundred secrets", async () => {
    for (let index = 0; index < 100; index++) vi.stubEnv(`CANARY_${index}`, `canary-${index}-4f1d9c`);
    vi.stubEnv("AWS_SESSION_TOKEN", "canary-session");
    vi.stubEnv("LD_LIBRARY_PATH", "/canary");
    vi.stubEnv("NIX_CONFIG", "canary = 1");
    vi.stubEnv("NODE_OPTIONS", "");
    vi.stubEnv("NODE_V8_COVERAGE", join(directory, "canary-coverage"));
    const inherited = {
      NIX_SSL_CERT_FILE: "/a",
      SSL_CERT_FILE: "/b",
      SSL_CERT_DIR: "/c",
      SYSTEM_CERTIFICATE_PATH: "/d",
      http_proxy: "http://proxy",
      https_proxy: "http://proxy",
      all_proxy: "http://proxy",
      no_proxy: "localhost",
      HTTP_PROXY: "http://proxy",
      HTTPS_PROXY: "http://proxy",
      ALL_PROXY: "http://proxy",
      NO_PROXY: "localhost",
      NIX_REMOTE: "daemon",
      NIX_STORE_DIR: "/s",
      NIX_STATE_DIR: "/t",
      NIX_LOG_DIR: "/l",
      NIX_CONF_DIR: "/e",
      NIX_DAEMON_SOCKET_PATH: "/k",
    };
    for (const [name, value] of Object.entries(inherited)) vi.stubEnv(name, value);
    const env = new Map([["TOKEN", new Secret("own-secret")]]);
    const result = await execute({ file: "/usr/bin/env", args: ["-0"], env, files: [] });
    const seen = Object.fromEntries(
      result.stdout
        .split("\0")
        .filter(Boolean)
        .map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
    );
    expect(seen).toEqual({ ...inherited, PATH: process.env["PATH"] && seen["PATH"], TOKEN: "[redacted]" });
    expect(seen["PATH"]).not.toContain("node_modules");
  });

  it("has what the host adds by name", async () => {
    vi.stubEnv("HOST_SETTING", "x");
    const result = await execute(
      node("console.log(process.env.HOST_SETTING)"),
      {},
      { inheritEnv: ["HOST_SETTING", "NOT_SET"] },
    );
    expect(result.stdout).toBe("x\n");
  });

  it("comes from the runtime, not from the process", async () => {
    vi.stubEnv("NIX_REMOTE", "of-the-process");
    const result = await execute(
      node("console.log(process.env.NIX_REMOTE)"),
      {},
      { runtime: { env: { NIX_REMOTE: "of-the-runtime" } } },
    );
    expect(result.stdout).toBe("of-the-runtime\n");
  });

  it("has the password of a proxy redacted", async () => {
    const runtime = { env: { https_proxy: "http://user:proxy%2Fpassword@host" } };
    const result = await execute(
      node("console.log(process.env.https_proxy, 'proxy/password')"),
      {},
      { runtime },
    );
    expect(result.stdout).toBe("http://user:[redacted]@host [redacted]\n");
  });
});

describe("executables", () => {
  it("of a checkout never run", async () => {
    const checkout = join(directory, "checkout");
    const bin = join(checkout, "node_modules", ".bin");
    const real = join(directory, "real");
    for (const [path, text] of [
      [bin, "planted"],
      [checkout, "planted"],
      [real, "real"],
    ] as const) {
      await mkdir(path, { recursive: true });
      await writeFile(join(path, "nix"), `#!/bin/sh\necho ${text}\n`);
      await chmod(join(path, "nix"), 0o755);
    }
    const command: CommandSpec = { file: "nix", args: [], env: new Map(), files: [] };
    const path = [bin, checkout, ".", "", real].join(":");
    const before = process.cwd();
    try {
      process.chdir(checkout);
      const result = await execute(
        command,
        {},
        { runtime: { env: { PATH: path }, workingDirectory: () => checkout } },
      );
      expect(result.stdout).toBe("real\n");
      const nothing = execute(
        command,
        {},
        { runtime: { env: { PATH: [bin, checkout].join(":") }, workingDirectory: () => checkout } },
      );
      await expect(nothing).rejects.toMatchObject({ code: "ERR_COMMAND_NOT_FOUND" });
    } finally {
      process.chdir(before);
    }
  });
});

describe("a run ends in its bound and leaves nobody behind", () => {
  const CASES: readonly (readonly [name: string, script: string, timeoutMs: number, longestMs: number])[] = [
    ["a grandchild that holds the pipe, child gone", "sleep 60 & echo pid=$!; exit 0", 20_000, 1_000],
    [
      "a grandchild that holds the pipe, child waiting",
      "sleep 60 & echo pid=$! pid=$$; wait",
      300,
      300 + 1_000,
    ],
    [
      "a child that ignores SIGTERM",
      "trap '' TERM; echo pid=$$; while :; do sleep 1; done",
      300,
      300 + 6_000,
    ],
    [
      "a grandchild that ignores SIGTERM",
      "(trap '' TERM; while :; do sleep 1; done) & echo pid=$! pid=$$; wait",
      300,
      300 + 1_000,
    ],
    ["a double fork", "( (sleep 60; echo) & echo pid=$! ) ; echo pid=$$; sleep 60", 300, 300 + 1_000],
    ["a stopped child", "echo pid=$$; kill -STOP $$; sleep 60", 300, 300 + 1_000],
    [
      "a stopped child that ignores SIGTERM",
      "trap '' TERM; echo pid=$$; kill -STOP $$; while :; do sleep 1; done",
      300,
      300 + 6_000,
    ],
  ];

  it.each(CASES)("%s", async (_name, script, timeoutMs, longestMs) => {
    const { result, elapsedMs, survivors } = await measure(shell(script), { timeoutMs });
    expect(survivors).toEqual([]);
    expect(elapsedMs).toBeLessThan(longestMs + SLACK_MS);
    expect(result.outcome).toBe(timeoutMs === 20_000 ? "succeeded" : "timed-out");
  });

  it("a process that left the group cannot delay the end", async () => {
    const script = `
      const child = require("node:child_process").spawn("sleep", ["3"], { detached: true, stdio: "inherit" });
      console.log("pid=" + child.pid);
      process.exit(0);`;
    const start = performance.now();
    const result = await execute(node(script), { timeoutMs: 10_000 });
    expect(performance.now() - start).toBeLessThan(2_000 + SLACK_MS);
    expect(result.outcome).toBe("succeeded");
    const escaped = Number(/pid=(\d+)/u.exec(result.stdout)?.[1]);
    expect(isAlive(escaped), "it is what only a container or cgroup can end").toBe(true);
    process.kill(escaped, "SIGKILL");
  });

  it("a flood of output", async () => {
    const before = process.memoryUsage().rss;
    const script =
      "const b = Buffer.alloc(65536, 120); let n = 0; const w = () => { while (n++ < 1600) if (!process.stdout.write(b)) return process.stdout.once('drain', w); }; w();";
    let streamed = 0;
    const result = await execute(node(script), { onOutput: ({ text }) => (streamed += text.length) });
    expect(result).toMatchObject({ outcome: "succeeded", truncated: true });
    expect(streamed).toBe(1600 * 65536);
    expect(Buffer.byteLength(result.stdout)).toBe(64 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  it("a flood that never ends", async () => {
    const pids: number[] = [];
    const start = performance.now();
    const result = await execute(shell("echo pid=$$; yes & echo pid=$!; sleep 0.1; yes & wait"), {
      timeoutMs: 400,
      onOutput: ({ text }) => {
        if (pids.length < 2) pids.push(...[...text.matchAll(/pid=(\d+)/gu)].map((match) => Number(match[1])));
      },
    });
    expect(result).toMatchObject({ outcome: "timed-out", truncated: true });
    expect(performance.now() - start).toBeLessThan(400 + 1_000 + SLACK_MS);
    await sleep(100);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(pids.length).toBeGreaterThan(0);
  });
});

describe("abort", () => {
  it("before the start runs nothing and leaves nothing", async () => {
    const marker = join(directory, "ran");
    const result = await execute(shell(`touch ${marker}`), { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ outcome: "aborted", exitCode: null });
    await expect(readdir(directory)).resolves.not.toContain("ran");
  });

  it("right after the call runs to its end in bounded time", async () => {
    const controller = new AbortController();
    const run = execute(shell("echo pid=$$; sleep 60"), { signal: controller.signal });
    controller.abort();
    await expect(run).resolves.toMatchObject({ outcome: "aborted" });
  });

  it("during the run ends the group", async () => {
    const controller = new AbortController();
    const { result, survivors } = await measure(shell("sleep 60 & echo pid=$! pid=$$; wait"), {
      signal: controller.signal,
      onOutput: () => controller.abort(),
    });
    expect(result.outcome).toBe("aborted");
    expect(survivors).toEqual([]);
  });

  it("after the end changes nothing, and no listener stays", async () => {
    const controller = new AbortController();
    const add = vi.spyOn(controller.signal, "addEventListener");
    const remove = vi.spyOn(controller.signal, "removeEventListener");
    const result = await execute(node(""), { signal: controller.signal });
    controller.abort();
    expect(result.outcome).toBe("succeeded");
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });

  it("of a run that timed out already does not change its outcome", async () => {
    const controller = new AbortController();
    const run = execute(shell("trap '' TERM; while :; do sleep 0.1; done"), {
      timeoutMs: 100,
      signal: controller.signal,
    });
    await sleep(400);
    controller.abort();
    await expect(run).resolves.toMatchObject({ outcome: "timed-out" });
  });
});

describe("what cannot start", () => {
  it.each<[name: string, command: CommandSpec, code: string]>([
    ["a NUL in an argument", node("", { args: ["canary-4f1d9c\0"] }), "ERR_COMMAND_INVALID"],
    [
      "arguments that are too long",
      node("", { args: Array.from({ length: 64 }, () => `canary-4f1d9c${"x".repeat(100_000)}`) }),
      "ERR_COMMAND_INVALID",
    ],
    [
      "a place outside the work directory",
      node("", { args: [workFile("../../etc/passwd")] }),
      "ERR_COMMAND_INVALID",
    ],
    [
      "a file outside the work directory",
      node("", {
        files: [{ path: workFile("a/../../b"), content: new Secret("canary-4f1d9c"), secrets: [] }],
      }),
      "ERR_COMMAND_INVALID",
    ],
    ["an absolute place", node("", { args: [workFile("/etc/passwd")] }), "ERR_COMMAND_INVALID"],
    ["a missing file", { ...node(""), file: "/nonexistent/tool" }, "ERR_COMMAND_NOT_FOUND"],
    ["a directory", { ...node(""), file: "/usr" }, "ERR_COMMAND_NOT_FOUND"],
  ])("%s rejects with a code and without the arguments", async (_name, command, code) => {
    const failure = execute(command);
    await expect(failure).rejects.toMatchObject({ name: "CommandError", code });
    await expect(failure.catch(toVisibleText)).resolves.not.toContain("canary");
  });

  it("an executable that the system refuses rejects with a code", async () => {
    const file = join(directory, "broken");
    await writeFile(file, "#!/nonexistent/interpreter\n");
    await chmod(file, 0o755);
    await expect(execute({ ...node(""), file })).rejects.toMatchObject({ code: "ERR_COMMAND_INVALID" });
  });

  it("a work directory that cannot be made rejects with a code", async () => {
    await expect(execute(node(""), {}, { workDirectoryParent: "/nonexistent" })).rejects.toMatchObject({
      code: "ERR_COMMAND_INVALID",
    });
  });
});

it("a callback that throws is told to the host once and does not disturb the run", async () => {
  const warn = vi.fn();
  const onOutput = vi.fn(() => {
    throw new Error("broken");
  });
  const result = await execute(
    node("console.log(1); setTimeout(() => console.log(2), 50)"),
    { onOutput },
    { runtime: { warn } },
  );
  expect(result).toMatchObject({ outcome: "succeeded", stdout: "1\n2\n" });
  expect(onOutput).toHaveBeenCalledTimes(1);
  expect(warn).toHaveBeenCalledTimes(1);
});

it("a character cut in two by the pipe arrives whole", async () => {
  const script =
    "process.stdout.write(Buffer.from([0xc3])); setTimeout(() => process.stdout.write(Buffer.from([0xa9])), 50)";
  await expect(execute(node(script))).resolves.toMatchObject({ stdout: "é" });
});

it("fifty runs at once keep their outputs apart, and nothing is left of any", async () => {
  const runs = Array.from({ length: 50 }, (_run, index) => execute(shell(`echo ${index}`)));
  const results = await Promise.all(runs);
  expect(results.map(({ stdout }) => stdout)).toEqual(results.map((_result, index) => `${index}\n`));
});

it("a colour in the middle of a secret does not hide it", async () => {
  const script =
    "process.stdout.write('super-secret\\u001b[0m-token-42 '); setTimeout(() => process.stdout.write('\\u001b[3'), 20); setTimeout(() => process.stdout.write('1mred'), 60)";
  const env = new Map([["TOKEN", new Secret("super-secret-token-42")]]);
  await expect(execute(node(script, { env }))).resolves.toMatchObject({ stdout: "[redacted] red" });
});

it("a polluted Object.prototype does not reach the child", async () => {
  Object.assign(Object.prototype, { LD_EVIL: "/evil.so" });
  try {
    const result = await execute(node("console.log(process.env.LD_EVIL)"));
    expect(result.stdout).toBe("undefined\n");
  } finally {
    Reflect.deleteProperty(Object.prototype, "LD_EVIL");
  }
});

it("a callback that is asynchronous and rejects is told to the host", async () => {
  const warn = vi.fn();
  const onOutput = () => Promise.reject(new Error("broken"));
  const result = await execute(node("console.log(1)"), { onOutput }, { runtime: { warn } });
  expect(result.outcome).toBe("succeeded");
  expect(warn).toHaveBeenCalledTimes(1);
});

it("a tool that makes its directory read-only leaves no secret behind", async () => {
  const files = [{ path: workFile("config/tool/secret"), content: new Secret("canary"), secrets: [] }];
  const command = { ...shell('chmod 500 "$HOME/config/tool"'), files };
  await expect(execute(command)).resolves.toMatchObject({ outcome: "succeeded" });
});

it("a host that exits takes its children and their secrets with it", async () => {
  const parent = join(directory, "exiting");
  await mkdir(parent);
  const source = `
    import { createProcessExecutor, Secret } from "@eka-ci/caches";
    const files = [{ path: { kind: "work-file", path: "token" }, content: new Secret("canary"), secrets: [] }];
    const command = { file: "/bin/sh", args: ["-c", "echo pid=$$; sleep 60 & echo pid=$!; wait"], env: new Map(), files };
    let seen = "";
    createProcessExecutor({ workDirectoryParent: ${JSON.stringify(parent)} }).execute(command, {
      onOutput: ({ text }) => {
        seen += text;
        if (seen.split("pid=").length < 3) return;
        process.stdout.write(seen);
        process.exit(0);
      },
    });`;
  const script = join(process.cwd(), "temp", "exiting-host.ts");
  await mkdir(join(process.cwd(), "temp"), { recursive: true });
  await writeFile(script, source);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script]);
  const pids = [...stdout.matchAll(/pid=(\d+)/gu)].map((match) => Number(match[1]));
  expect(pids).toHaveLength(2);
  for (let round = 0; round < 40 && pids.some(isAlive); round++) await sleep(25);
  expect(pids.filter(isAlive)).toEqual([]);
  await expect(readdir(parent)).resolves.toEqual([]);
});

it("no work directory is left after all of this", async () => {
  const left = (await readdir(directory)).filter((name) => name.startsWith("eka-ci-caches-"));
  expect(left).toEqual([]);
});
