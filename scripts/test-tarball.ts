// Runs the tests that use the package by its name against the packed and installed tarball, on this Node.js
// or on those that the arguments name: `npm run test:tarball -- /path/to/node…`. Fails if anything fails, or
// is skipped that CI requires.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPeers, installTarball } from "./install-tarball.ts";

const nodes = process.argv.length > 2 ? process.argv.slice(2) : [process.execPath];
const { directory, packageDirectory } = await installTarball(
  await mkdtemp(join(tmpdir(), "eka-ci-tarball-")),
  await findPeers(),
);
try {
  for (const node of nodes) {
    const { stdout: version } = spawnSync(node, ["--version"], { encoding: "utf8" });
    console.log(`== the tarball on Node.js ${version.trim()}`);
    const args = ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.tarball.config.ts"];
    const env = { ...process.env, EKA_CI_TARBALL: packageDirectory };
    const { status } = spawnSync(node, args, { stdio: "inherit", env });
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
