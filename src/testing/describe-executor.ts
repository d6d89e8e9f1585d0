import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type CommandArg, type CommandSpec, privateHome, workFile } from "../commands/command.ts";
import { CommandError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import type { ExecutionResult, Executor, OutputChunk } from "../execution/executor.ts";
import { createNodeRuntime } from "../host/runtime.ts";
import type { TestFramework } from "./test-framework.ts";
import { toVisibleText } from "./visible-text.ts";

/**
 * What {@link describeExecutor} tests.
 *
 * @example
 * ```ts
 * const suite: ExecutorSuite = { name: "process", framework: { describe, it }, create: () => createProcessExecutor() };
 * ```
 *
 * @public
 */
export interface ExecutorSuite {
  /** Name of the suite. */
  readonly name: string;
  /** The test framework in use. */
  readonly framework: TestFramework;
  /** Creates the executor. */
  readonly create: () => Executor | Promise<Executor>;
  /**
   * Absolute path of Node.js where commands run; default the Node.js that runs the tests. The temporary
   * directory must be the same in both places.
   */
  readonly node?: string | undefined;
}

const CANARY = 'canary/"4f1d9c+secret';

/**
 * The contract of an executor, as tests. Arguments arrive unchanged. Private files and directories exist, and
 * are removed afterwards. The host's environment does not get in. Every outcome is reported correctly, and
 * nothing keeps running. Output is bounded, and secrets are redacted.
 *
 * @param suite - the executor
 *
 * @example
 * ```ts
 * describeExecutor({ name: "ssh", framework: { describe, it }, create: () => createSshExecutor("builder.example.com") });
 * ```
 *
 * @public
 */
export function describeExecutor(suite: ExecutorSuite): void {
  const { describe, it } = suite.framework;
  const context: SuiteContext = { create: suite.create, node: suite.node ?? process.execPath };
  describe(`executor ${suite.name}`, () => {
    for (const [name, run] of Object.entries(CASES)) it(name, () => run(context));
  });
}

interface SuiteContext {
  readonly create: ExecutorSuite["create"];
  readonly node: string;
}

const CASES: Readonly<Record<string, (context: SuiteContext) => Promise<void>>> = {
  "gives the command none of the host's own variables": assertIsolated,
  "tells exit code 0 as succeeded": async (context) => {
    const result = await execute(context, "process.exit(0)");
    assert.equal(result.outcome, "succeeded");
    assert.equal(result.exitCode, 0);
    assert.equal(result.signal, null);
  },
  "tells another exit code as failed": async (context) => {
    const result = await execute(context, "process.exit(3)");
    assert.equal(result.outcome, "failed");
    assert.equal(result.exitCode, 3);
  },
  "tells a death by signal as failed": async (context) => {
    const result = await execute(context, 'process.kill(process.pid, "SIGKILL")');
    assert.equal(result.outcome, "failed");
    assert.notEqual(result.exitCode, 0);
  },
  "hands over every argument untouched": async (context) => {
    const args = ["a b", "$HOME", "`id`", "*", "", "--", "ü", "'\"", "line\nbreak"];
    const result = await execute(context, "console.log(JSON.stringify(process.argv.slice(1)))", { args });
    assert.deepEqual(JSON.parse(result.stdout), args);
  },
  "keeps both streams apart": async (context) => {
    const result = await execute(context, 'console.log("out"); console.error("err")');
    assert.equal(result.stdout, "out\n");
    assert.equal(result.stderr, "err\n");
  },
  "keeps at most 64 KiB of output, the last": async (context) => {
    const result = await execute(context, 'process.stdout.write("x".repeat(3e5) + "end")');
    assert.ok(Buffer.byteLength(result.stdout + result.stderr) <= 64 * 1024);
    assert.ok(result.stdout.endsWith("xend"));
    assert.equal(result.truncated, true);
  },
  "gives the command nothing to read": async (context) => {
    const result = await execute(
      context,
      'process.stdin.resume().on("end", () => console.log("end of input"))',
    );
    assert.equal(result.stdout, "end of input\n");
  },
  "redacts secrets in what it keeps and what it streams": assertRedacts,
  "writes private files for this run only": assertPrivateFiles,
  "ends a command and what it started at its timeout": async (context) => {
    const { outcome } = await assertGone(context, { timeoutMs: 1_000 });
    assert.equal(outcome, "timed-out");
  },
  "ends a command and what it started when it is aborted": async (context) => {
    const controller = new AbortController();
    const { outcome } = await assertGone(context, {
      signal: controller.signal,
      onOutput: () => controller.abort(),
    });
    assert.equal(outcome, "aborted");
  },
  "starts nothing that was aborted before": async (context) => {
    const result = await execute(context, 'console.log("ran")', { signal: AbortSignal.abort() });
    assert.equal(result.outcome, "aborted");
    assert.equal(result.stdout, "");
  },
  "rejects for an executable that is not there": async (context) => {
    const executor = await context.create();
    const command = { file: "eka-ci-no-such-tool", args: [], env: privateHome(), files: [] };
    await assert.rejects(executor.execute(command), (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.code, "ERR_COMMAND_NOT_FOUND");
      return true;
    });
  },
};

interface RunOptions {
  readonly args?: readonly CommandArg[];
  readonly env?: ReadonlyMap<string, CommandArg | Secret>;
  readonly files?: CommandSpec["files"];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onOutput?: (chunk: OutputChunk) => void;
}

async function execute(context: SuiteContext, script: string, options: RunOptions = {}) {
  const { args = [], env = new Map(), files = [], timeoutMs = 30_000, ...rest } = options;
  const executor = await context.create();
  const command: CommandSpec = {
    file: context.node,
    args: ["-e", script, "--", ...args],
    env: new Map([...privateHome(), ...env]),
    files,
  };
  return executor.execute(command, { timeoutMs, ...rest });
}

async function assertRedacts(context: SuiteContext): Promise<void> {
  const script = `
    const secret = process.env.CANARY;
    process.stdout.write(secret.slice(0, 7));
    setTimeout(() => {
      process.stdout.write(secret.slice(7) + " " + Buffer.from("user:" + secret).toString("base64"));
      process.stderr.write(encodeURIComponent(secret) + JSON.stringify(secret));
    }, 100);`;
  const chunks: OutputChunk[] = [];
  const result = await execute(context, script, {
    env: new Map([["CANARY", new Secret(CANARY)]]),
    onOutput: (chunk) => chunks.push(chunk),
  });
  assert.equal(result.outcome, "succeeded");
  const streamed = chunks.map(({ text }) => text).join("");
  const shown = `${toVisibleText(result)}${streamed}`;
  const base64 = Buffer.from(`user:${CANARY}`).toString("base64").slice(8, -4);
  const forms = [CANARY, "canary/", encodeURIComponent(CANARY), JSON.stringify(CANARY).slice(1, -1), base64];
  for (const form of forms) assert.ok(!shown.includes(form), `${form} is visible`);
  assert.ok(streamed.includes("[redacted]"));
}

async function assertPrivateFiles(context: SuiteContext): Promise<void> {
  const script = `
    const fs = require("node:fs");
    const [file] = process.argv.slice(1);
    const mode = (path) => (fs.statSync(path).mode & 0o777).toString(8);
    console.log(JSON.stringify({ file, home: process.env.HOME, cwd: process.cwd(), content: fs.readFileSync(file, "utf8"),
      modes: [mode(file), mode(process.env.HOME)] }));`;
  const path = workFile("config/tool/config.toml");
  const files = [{ path, content: new Secret("made = true"), secrets: [] }];
  const result = await execute(context, script, { args: [path], files });
  const seen = JSON.parse(result.stdout);
  assert.equal(seen.content, "made = true");
  assert.deepEqual(seen.modes, ["600", "700"]);
  assert.equal(seen.cwd, seen.home);
  const gone = await execute(context, "console.log(require('node:fs').existsSync(process.argv[1]))", {
    args: [seen.home],
  });
  assert.equal(gone.stdout, "false\n");
}

async function assertIsolated(context: SuiteContext): Promise<void> {
  const name = "EKA_CI_SUITE_CANARY";
  const { env } = createNodeRuntime();
  Object.assign(env, { [name]: CANARY });
  try {
    const result = await execute(context, "console.log(Object.keys(process.env).join())");
    assert.ok(!result.stdout.includes(name), "a variable of the host reached the command");
  } finally {
    Reflect.deleteProperty(env, name);
  }
}

/**
 * How often to check whether a command has ended; on another machine it may end a moment later.
 */
const MAX_LOOKS = 10;

async function hasStopped(heartbeat: string): Promise<boolean> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    await rm(heartbeat, { force: true });
    await setTimeout(300);
    const isBeating = await readFile(heartbeat).then(
      () => true,
      () => false,
    );
    if (!isBeating) return true;
  }
  return false;
}

/** Runs a command whose child writes a file again and again, and checks that both have ended afterwards. */
async function assertGone(context: SuiteContext, options: RunOptions): Promise<ExecutionResult> {
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-suite-"));
  const heartbeat = join(directory, "heartbeat");
  const beat = `setInterval(() => require("node:fs").writeFileSync(${JSON.stringify(heartbeat)}, "x"), 50)`;
  const script = `
    require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(beat)}], { stdio: "inherit" });
    ${beat};
    setTimeout(() => console.log("started"), 500);`;
  try {
    const result = await execute(context, script, options);
    assert.ok(await hasStopped(heartbeat), "the command goes on after its end");
    return result;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
