import { CommandError, Secret } from "@eka-ci/caches";
import {
  createFakeClock,
  createRecordingExecutor,
  createStaticProvider,
  createTestRuntime,
  describeCredentialProvider,
  describeExecutor,
  toVisibleText,
} from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";

/** Runs a conformance suite outside the framework, and returns the names of the tests that failed. */
async function runSuite(
  define: (framework: { describe: typeof collect; it: typeof addTest }) => void,
): Promise<string[]> {
  define({ describe: collect, it: addTest });
  const failed: string[] = [];
  for (const [name, run] of tests.splice(0)) await run().catch(() => failed.push(name));
  return failed;
}
const tests: [name: string, run: () => Promise<void>][] = [];
const collect = (_name: string, define: () => void): void => define();
const addTest = (name: string, run: () => Promise<void>): void => void tests.push([name, run]);

describe("the suite of executors", () => {
  it("fails an executor that runs nothing and calls it success", async () => {
    const failed = await runSuite((framework) =>
      describeExecutor({ name: "lazy", framework, create: () => createRecordingExecutor() }),
    );
    expect(failed).toContain("tells another exit code as failed");
    expect(failed).toContain("hands over every argument untouched");
    expect(failed).toContain("redacts secrets in what it keeps and what it streams");
    expect(failed).toContain("writes private files for this run only");
    expect(failed).toContain("ends a command and what it started at its timeout");
    expect(failed).toContain("rejects for an executable that is not there");
    expect(failed.length).toBeGreaterThan(9);
  });
});

describe("the suite of credential providers", () => {
  const values = { A_TOKEN: "canary-1" };

  it("passes a good provider", async () => {
    const failed = await runSuite((framework) =>
      describeCredentialProvider({
        name: "good",
        framework,
        ready: () => ({ provider: createStaticProvider(values), values }),
        failures: [],
      }),
    );
    expect(failed).toEqual([]);
  });

  it("fails bad ones", async () => {
    const failed = await runSuite((framework) =>
      describeCredentialProvider({
        name: "bad",
        framework,
        ready: () => ({
          provider: async () => ({ env: new Map([["A_TOKEN", "canary-1" as unknown as Secret]]) }),
          values,
        }),
        rotated: () => ({
          provider: createStaticProvider(values),
          values,
          rotate: () => ({ A_TOKEN: "new" }),
        }),
        slow: () => createStaticProvider(values),
        failures: [
          {
            situation: "when it answers",
            code: "ERR_CREDENTIAL_DENIED",
            arrange: () => createStaticProvider(values),
          },
          {
            situation: "when it throws a stranger",
            code: "ERR_CREDENTIAL_DENIED",
            arrange: () => () => Promise.reject(new Error("canary-1")),
            canaries: ["canary-1"],
          },
        ],
      }),
    );
    expect(failed).toHaveLength(7);
  });
});

describe("the fake clock", () => {
  it("calls back in order, also what is scheduled on the way", () => {
    const clock = createFakeClock(new Date("2026-01-01"));
    const seen: string[] = [];
    clock.schedule(() => seen.push("late"), 100);
    clock.schedule(() => {
      seen.push("early");
      clock.schedule(() => seen.push("nested"), 10);
    }, 50);
    const cancel = clock.schedule(() => seen.push("cancelled"), 70);
    cancel();
    clock.advance(99);
    expect(seen).toEqual(["early", "nested"]);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect(seen).toEqual(["early", "nested", "late"]);
    expect(clock.monotonic()).toBe(100);
    expect(clock.now()).toBe(Date.parse("2026-01-01") + 100);
  });
});

describe("the recording executor", () => {
  it("answers as scripted", async () => {
    const failure = new CommandError("ERR_COMMAND_NOT_FOUND", "x");
    const executor = createRecordingExecutor({
      respond: ({ file }) => (file === "a" ? failure : { exitCode: 3, stdout: "x" }),
    });
    const command = (file: string) => ({ file, args: [], env: new Map(), files: [] });
    await expect(executor.execute(command("a"))).rejects.toBe(failure);
    await expect(executor.execute(command("b"))).resolves.toMatchObject({
      outcome: "failed",
      exitCode: 3,
      stdout: "x",
    });
    await expect(executor.execute(command("b"), { signal: AbortSignal.abort() })).resolves.toMatchObject({
      outcome: "aborted",
    });
    expect(executor.commands.map(({ file }) => file)).toEqual(["a", "b", "b"]);
  });
});

describe("the test runtime", () => {
  it("has its own files, links and directories", async () => {
    const { files, random } = createTestRuntime({
      files: { "/a/b": "text", "/link": { linkTo: "/a/b" }, "/bin/x": { mode: 0o755 } },
    });
    expect(new TextDecoder().decode((await files.read("/link", { maxBytes: 10 })).bytes)).toBe("text");
    await expect(files.read("/link", { maxBytes: 10, followSymbolicLink: false })).rejects.toMatchObject({
      code: "ERR_FILE_NOT_REGULAR",
    });
    await expect(files.read("/a/b", { maxBytes: 3 })).rejects.toMatchObject({ code: "ERR_FILE_TOO_LARGE" });
    await expect(files.read("/a", { maxBytes: 3 })).rejects.toMatchObject({ code: "ERR_FILE_NOT_REGULAR" });
    expect(await files.status("/a")).toMatchObject({ kind: "directory" });
    expect(await files.realPath("/link")).toBe("/a/b");
    expect(await files.isExecutable("/bin/x")).toBe(true);
    expect(random.uuid()).not.toBe(random.uuid());
  });
});

describe("toVisibleText", () => {
  it("finds what is hidden in an error, a map and a cycle", () => {
    const error = new Error("m", { cause: new Error("in-cause") });
    Object.defineProperty(error, "hidden", { value: { token: "in-hidden" }, enumerable: false });
    const cycle: Record<string, unknown> = { map: new Map([["k", "in-map"]]) };
    cycle["self"] = cycle;
    expect(toVisibleText(error)).toContain("in-cause");
    expect(toVisibleText(error)).toContain("in-hidden");
    expect(toVisibleText(cycle)).toContain("in-map");
    expect(toVisibleText(new Secret("in-secret"))).not.toContain("in-secret");
  });
});
