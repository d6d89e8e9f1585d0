// What a push costs beside the processes it starts: `npm run bench:push`. The push tools are /bin/true under
// their names, so that a push starts two processes and no more (the store is asked for the path, then nix
// copies it; verification is off): the same two by tinyexec alone are the measure. Exits with 1 if a push
// takes more than 1.5 times as long.
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheRegistry, createProcessExecutor } from "@eka-ci/caches";
import { exec } from "tinyexec";
import { race } from "./support/race.ts";
import { nameVersion, Scoreboard } from "./support/scoreboard.ts";

const PUSHES = 20;
const directory = mkdtempSync(join(tmpdir(), "eka-ci-bench-"));
for (const tool of ["nix", "nix-store"]) symlinkSync("/bin/true", join(directory, tool));

const toml = `
  [[caches]]
  id = "s3"
  cache_type = "nix-copy"
  upload = "nix"
  destination = "s3://bucket?region=us-east-1"
  credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }
  permissions = { allow_all = false, allowed_repos = ["company/*"], allowed_branches = ["main"] }`;
const env = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "only-for-this-benchmark" };
await using registry = CacheRegistry.fromToml(toml, {
  runtime: { env },
  executor: createProcessExecutor({ path: directory, runtime: { env } }),
  verify: "never",
});
const request = {
  repository: "company/app",
  ref: { type: "branch", name: "main" },
  job: "app",
  caches: ["s3"],
  storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"],
} as const;

async function push(): Promise<void> {
  for (let count = 0; count < PUSHES; count++) {
    const report = await registry.push(request);
    if (!report.ok) throw new Error("A push of the benchmark failed");
  }
}

async function spawnAlone(): Promise<void> {
  for (let count = 0; count < PUSHES; count++) {
    for (const tool of ["nix-store", "nix"]) {
      const { exitCode } = await exec(join(directory, tool), [...request.storePaths], {
        nodeOptions: { env },
      });
      if (exitCode !== 0) throw new Error("A process of the benchmark failed");
    }
  }
}

const times = await race({ alone: spawnAlone, push }, 15);
const board = new Scoreboard(nameVersion("tinyexec"));
board.add({ what: "two processes by tinyexec", value: times.alone / PUSHES, unit: "ms" });
board.add({ what: "registry.push", value: times.push / PUSHES, unit: "ms" });
board.addAtMost("registry.push / tinyexec", times.push / times.alone, 1.5);
board.finish();
rmSync(directory, { recursive: true });
