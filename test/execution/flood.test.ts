import { createProcessExecutor, Secret } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import type { CommandSpec } from "../../src/commands/command.ts";
import { CommandOutput } from "../../src/execution/command-output.ts";
import { OutputCapture } from "../../src/execution/output-capture.ts";
import { runCommand } from "../../src/execution/run-command.ts";
import { createNodeRuntime } from "../../src/host/runtime.ts";

const SECRET = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

/** What a child may print without end. */
const SHAPES: Readonly<Record<string, string>> = {
  "one letter without a line end": "x",
  "lines of two bytes": "x\n",
  "empty lines": "\n",
  "short JSON": '@nix {"action":"msg","msg":"x"}\n',
  "JSON of activities": '@nix {"action":"result","fields":[1,2],"id":7,"type":105}\n',
  "escape codes": "\u001b[1mx",
  "escape codes that never end": "\u001b]0;",
  "the beginning of a secret": "a",
  "the beginning of JSON": "@nix {",
  "letters of two bytes": "é",
};
const MODES = [undefined, "nix-internal-json"] as const;

const toCommand = (args: readonly string[], logFormat: (typeof MODES)[number]): CommandSpec => ({
  file: process.execPath,
  args,
  env: new Map([["TOKEN", new Secret(SECRET)]]),
  files: [],
  logFormat,
});

describe("output in pieces of one and two bytes costs constant time a byte", () => {
  const BYTES = 128 * 1024;
  const cases = Object.entries(SHAPES).flatMap(([name, shape]) =>
    MODES.flatMap((mode) => (["stdout", "stderr"] as const).map((stream) => ({ name, shape, mode, stream }))),
  );

  it.each(cases)("$name, $stream, $mode", ({ shape, mode, stream }) => {
    const bytes = Buffer.from(shape.repeat(Math.ceil(BYTES / Buffer.byteLength(shape))));
    for (const size of [1, 2]) {
      const output = new CommandOutput(toCommand([], mode), {
        hostSecrets: [],
        onMove: () => {},
        onOutput: () => {},
      });
      const capture = new OutputCapture({
        secrets: [SECRET],
        onOutput: (chunk) => output.push(chunk),
        onListenerError: () => {},
      });
      const sink = capture.open(stream);
      const before = process.cpuUsage();
      for (let start = 0; start < bytes.length; start += size)
        sink.write(bytes.subarray(start, start + size));
      sink.end();
      const { user, system } = process.cpuUsage(before);
      // It took 19 s where each line copied what was kept.
      expect((user + system) / 1000).toBeLessThan(1_000);
    }
  });
});

describe("a child that floods", () => {
  const executor = createProcessExecutor();
  const { clock } = createNodeRuntime();

  it.each([
    ["lines of two bytes, on both streams", "x\n", undefined],
    ["lines of two bytes, written for programs", "x\n", "nix-internal-json" as const],
    ["short JSON", '@nix {"action":"msg","msg":"x"}\n', "nix-internal-json" as const],
    ["escape codes", "\u001b[1mx", undefined],
  ])(
    "with %s is ended in time, and the thread is never held for long",
    async (_name, shape, mode) => {
      const script = `
      const text = Buffer.from(${JSON.stringify(shape)}.repeat(20_000));
      const { writeSync } = require("node:fs");
      for (;;) for (const fd of [1, 2]) try { writeSync(fd, text); } catch {}`;
      let longest = 0;
      let last = process.cpuUsage();
      // Time of the processor between two turns of the loop, so that other tests beside this one do not
      // count.
      const ticking = setInterval(() => {
        const { user, system } = process.cpuUsage(last);
        longest = Math.max(longest, (user + system) / 1000);
        last = process.cpuUsage();
      }, 1);
      const startedAt = clock.monotonic();
      const { error } = await runCommand(toCommand(["-e", script], mode), {
        ...{
          executor,
          clock,
          hostSecrets: [],
          timeoutMs: 1_000,
          remainingMs: 1_000,
          stallTimeoutMs: 60_000,
          signal: undefined,
        },
        onProgress: () => {},
        onOutput: () => {},
      });
      clearInterval(ticking);
      expect(error?.code).toBe("ERR_PUSH_TIMEOUT");
      expect(clock.monotonic() - startedAt).toBeLessThan(7_000);
      expect(longest).toBeLessThan(250);
    },
    20_000,
  );
});
