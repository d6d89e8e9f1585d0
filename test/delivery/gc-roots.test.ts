import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGcRoots } from "@eka-ci/caches";
import { createRecordingExecutor, type ScriptedResult } from "@eka-ci/caches/testing";
import { afterAll, describe, expect, it } from "vitest";
import { storePath } from "../support/fake-cache.ts";

const directory = mkdtempSync(join(tmpdir(), "eka-ci-roots-"));
afterAll(() => rmSync(directory, { recursive: true }));

const hold = (result: ScriptedResult, where = directory) =>
  createGcRoots({ directory: where, executor: createRecordingExecutor({ respond: () => result }) }).hold(
    "t+a",
    [storePath(1)],
  );

describe("roots that cannot be made", () => {
  it.each<[said: string, result: ScriptedResult, code: string]>([
    [
      "the store does not hold a path (Nix 2.8)",
      {
        exitCode: 1,
        stderr: `don't know how to build these paths:\n  ${storePath(1)}\nerror: build of '${storePath(1)}' failed`,
      },
      "ERR_STORE_PATH_NOT_VALID",
    ],
    [
      "the store says that it is not valid",
      { exitCode: 1, stderr: `error: path '${storePath(1)}' is not valid` },
      "ERR_STORE_PATH_NOT_VALID",
    ],
    [
      "the daemon is away",
      {
        exitCode: 1,
        stderr:
          "error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': No such file or directory",
      },
      "ERR_GC_ROOT_FAILED",
    ],
    [
      "nix-store takes too long",
      { outcome: "timed-out", exitCode: null, signal: "SIGTERM" },
      "ERR_GC_ROOT_FAILED",
    ],
    ["nothing is said", { exitCode: 1 }, "ERR_GC_ROOT_FAILED"],
  ])("since %s", async (_said, result, code) => {
    await expect(hold(result)).rejects.toMatchObject({ name: "PushError", code });
  });

  it("since their directory is none, with no error of the system", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    for (const where of [file, join(file, "below")])
      await expect(hold({}, where)).rejects.toMatchObject({ name: "PushError", code: "ERR_GC_ROOT_FAILED" });
  });
});

it("the roots of one delivery are no others', though its name is a part of theirs", async () => {
  const where = join(directory, "links");
  mkdirSync(where);
  const roots = createGcRoots({ directory: where, executor: createRecordingExecutor() });
  for (const link of ["t+a+0", "t+a.0+0", "t+ab+0"]) writeFileSync(join(where, link), "");
  await roots.release("t+a");
  expect(readdirSync(where).sort()).toEqual(["t+a.0+0", "t+ab+0"]);
});
