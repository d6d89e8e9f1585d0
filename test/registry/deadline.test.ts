import {
  type AuditSink,
  CacheRegistry,
  type CacheRegistryOptions,
  type CommandSpec,
  createProcessExecutor,
  defineCredentialSource,
  type Executor,
  type Secret,
} from "@eka-ci/caches";
import { createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it } from "vitest";

const PATHS = ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"];
const CACHES = 3;

const toml = (source: string): string =>
  Array.from(
    { length: CACHES },
    (_cache, index) => `
      [[caches]]
      id = "c${index}"
      cache_type = "cachix"
      destination = "acme"
      credentials = { ${source} }
      permissions = { allow_all = true }`,
  ).join("\n");

const TOKEN = 'cachix-token = { env_var = "TOKEN" }';
const hang = <T>(): Promise<T> => new Promise(() => {});
const hanging = defineCredentialSource({
  type: "custom:hanging",
  schema: v.strictObject({}),
  create: () => () => hang(),
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An executor that does not answer some commands, and does not listen to signals. */
const deafTo = (isDeaf: (command: CommandSpec) => boolean): Executor => {
  const recording = createRecordingExecutor();
  return { execute: (command, options) => (isDeaf(command) ? hang() : recording.execute(command, options)) };
};

async function pushFor(timeoutMs: number, source: string, options: CacheRegistryOptions) {
  const { env, files, http } = createTestRuntime({ env: { TOKEN: "t-canary" } });
  const registry = CacheRegistry.fromToml(toml(source), {
    credentialSources: [hanging],
    executor: createRecordingExecutor(),
    runtime: { env, files, http },
    ...options,
  });
  const startedAt = performance.now();
  const caches = Array.from({ length: CACHES }, (_cache, index) => `c${index}`);
  const report = await registry.push(
    { repository: "o/r", job: "j", caches, storePaths: PATHS },
    { timeoutMs },
  );
  return { report, tookMs: performance.now() - startedAt };
}

describe("a push of one second ends in time, whatever hangs", () => {
  const slow = (ms: number): AuditSink => ({ write: () => sleep(ms) });
  it.each<[name: string, source: string, options: CacheRegistryOptions, code: string]>([
    ["its credentials", '"custom:hanging" = {}', {}, "ERR_PUSH_TIMEOUT"],
    [
      "the store",
      TOKEN,
      { executor: deafTo(({ args }) => args.includes("--recursive")) },
      "ERR_PUSH_TIMEOUT",
    ],
    ["the tool", TOKEN, { executor: deafTo(({ file }) => file === "cachix") }, "ERR_PUSH_TIMEOUT"],
    [
      "the question to the cache",
      TOKEN,
      { executor: deafTo(({ args }) => args.includes("--store")) },
      "ERR_PUSH_TIMEOUT",
    ],
    ["an audit sink that takes 9.5 s for an event", TOKEN, { auditSinks: [slow(9_500)] }, "ERR_PUSH_TIMEOUT"],
    [
      "an audit sink that never answers",
      TOKEN,
      { auditSinks: [{ write: () => hang() }] },
      "ERR_PUSH_TIMEOUT",
    ],
    [
      "an audit sink that takes 400 ms for each of many events",
      TOKEN,
      { auditSinks: [slow(400)] },
      "ERR_PUSH_TIMEOUT",
    ],
  ])(
    "%s",
    async (_name, source, options, code) => {
      const { report, tookMs } = await pushFor(1_000, source, options);
      expect(report.ok).toBe(false);
      for (const result of report.results)
        expect(result).toMatchObject({ status: "failed", error: { code } });
      // An executor that does not listen is waited for 6.5 s; everything of this package ends within 6 s.
      expect(tookMs).toBeLessThan(1_000 + ("executor" in options ? 7_500 : 6_000));
    },
    30_000,
  );

  it("the removal of what its tool has left behind", async () => {
    const executor = createProcessExecutor();
    const script =
      'for i in $(seq 20); do mkdir -p "$HOME/d$i" && touch "$HOME/d$i/"$(seq -s " $HOME/d$i/" 500); done';
    const startedAt = performance.now();
    const result = await executor.execute(
      {
        file: "/bin/bash",
        args: ["-c", `${script}; echo done`],
        env: new Map<string, Secret | { kind: "work-directory"; path: string }>([
          ["HOME", { kind: "work-directory", path: "" }],
        ]),
        files: [],
      },
      { timeoutMs: 60_000 },
    );
    expect(result).toMatchObject({ outcome: "succeeded", stdout: "done\n" });
    expect(performance.now() - startedAt - result.durationMs).toBeLessThan(1_500);
  }, 90_000);
});

it("an abort of the host is told as one, and not as a timeout", async () => {
  const { env, files, http } = createTestRuntime({ env: { TOKEN: "t-canary" } });
  const registry = CacheRegistry.fromToml(toml('"custom:hanging" = {}'), {
    credentialSources: [hanging],
    executor: createRecordingExecutor(),
    runtime: { env, files, http },
  });
  const controller = new AbortController();
  const pushing = registry.push(
    { repository: "o/r", job: "j", caches: ["c0"], storePaths: PATHS },
    { timeoutMs: 10_000, signal: controller.signal },
  );
  setTimeout(() => controller.abort(), 50);
  expect((await pushing).results).toMatchObject([{ status: "aborted" }]);
});
