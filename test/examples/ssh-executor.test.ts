import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessExecutor } from "@eka-ci/caches";
import { describeExecutor } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, it } from "vitest";
import { SshExecutor } from "../../examples/support/ssh-executor.ts";
import { writeSshStandIn } from "../../examples/support/ssh-stand-in.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "eka-ci-ssh-"));
  await writeSshStandIn(directory);
});
afterAll(() => rm(directory, { recursive: true }));

describeExecutor({
  name: "ssh, with a stand-in",
  framework: { describe, it },
  create: () =>
    new SshExecutor({
      host: "builder.example.com",
      local: createProcessExecutor({ path: `${directory}:${process.env["PATH"]}` }),
    }),
});
