// How long the command line takes to start: `npm run bench:start`, whole processes beside one of Node.js that
// does nothing. Exits with 1 if `--help` or `explain` take more than 1.5 times as long.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { race } from "./support/race.ts";
import { Scoreboard } from "./support/scoreboard.ts";

const program = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "eka-ci-bench-"));
const write = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const run = (...args: string[]): string => execFileSync(process.execPath, args, { encoding: "utf8" });

const bare = write("bare.mjs", "");
const config = write(
  "ekaci.toml",
  `[[caches]]
id = "team"
cache_type = "nix-copy"
destination = "s3://team-cache/nix?region=eu-central-1"
credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }
permissions = { allow_all = false, allowed_repos = ["o/*"], allowed_branches = ["main", "release/*"] }
`,
);
// As Nix runs it: the hook comes back while what it has started hands the path over.
const hook = fileURLToPath(new URL("../examples/post-build-hook/hook.sh", import.meta.url));
write("eka-caches", `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
chmodSync(join(directory, "eka-caches"), 0o755);
const hookEnvironment = {
  PATH: `${directory}:${process.env["PATH"]}`,
  OUT_PATHS: `/nix/store/${"0".repeat(32)}-built`,
  EKA_CACHES_CONFIG: config,
  EKA_CACHES_JOURNAL: join(directory, "journal.sqlite"),
  EKA_CACHES_USER: userInfo().username,
};
const question = ["--config", config, "--cache", "team", "--repo", "o/r", "--branch", "main"];
const times = await race(
  {
    bare: () => run(bare),
    help: () => run(program, "--help"),
    explain: () => run(program, "explain", ...question),
  },
  41,
);
const board = new Scoreboard();
board.add({ what: "node, doing nothing", value: times.bare, unit: "ms" });
board.add({ what: "eka-caches --help", value: times.help, unit: "ms" });
board.add({ what: "eka-caches explain", value: times.explain, unit: "ms" });
board.addAtMost("--help / bare", times.help / times.bare, 1.5);
board.addAtMost("explain / bare", times.explain / times.bare, 1.5);
const hooks = await race({ hook: () => execFileSync(hook, { env: hookEnvironment }) }, 15);
board.add({
  ...{ what: "the hook after a build, until Nix goes on", value: hooks.hook, unit: "ms" },
  ...{ goal: "at most 50", isMet: hooks.hook <= 50 },
});
board.finish();
rmSync(directory, { recursive: true });
