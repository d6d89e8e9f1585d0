import { execFileSync } from "node:child_process";
import { createNodeRuntime } from "@eka-ci/caches";
import { expect, it } from "vitest";

it("the monotonic clock is that of the machine, which all its processes share", () => {
  const { clock } = createNodeRuntime();
  const before = clock.monotonic();
  const script = "process.stdout.write(String(process.hrtime.bigint()))";
  const other = Number(execFileSync(process.execPath, ["-e", script]).toString()) / 1e6;
  expect(other).toBeGreaterThan(before);
  expect(other).toBeLessThan(clock.monotonic());
});
