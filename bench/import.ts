// What importing the package costs: `npm run bench:import`, a whole process that imports it beside one that
// imports nothing. Exits with 1 if it takes more than 1.25 times as long, or loads the SDK of a cloud.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { race } from "./support/race.ts";
import { Scoreboard } from "./support/scoreboard.ts";

const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "eka-ci-bench-"));
const write = (name: string, code: string): string => {
  const path = join(directory, name);
  writeFileSync(path, code);
  return path;
};
const run = (path: string, ...args: string[]): string =>
  execFileSync(process.execPath, [...args, path], { encoding: "utf8" });

const bare = write("bare.mjs", "");
const importing = write("import.mjs", `await import(${JSON.stringify(entry)});`);
// Every module that is loaded is told by a hook of the loader.
const hook = write(
  "hook.mjs",
  `export const load = (url, context, next) => (process._rawDebug("LOADED " + url), next(url, context));`,
);
const register = write(
  "register.mjs",
  `import { register } from "node:module"; register(${JSON.stringify(pathToFileURL(hook).href)});`,
);
const loaded = execFileSync(
  "/bin/sh",
  ["-c", '"$0" --import "$1" "$2" 2>&1', process.execPath, register, importing],
  {
    encoding: "utf8",
  },
).match(/LOADED \S+/gu);

const times = await race({ bare: () => run(bare), importing: () => run(importing) }, 41);
const board = new Scoreboard();
board.add({ what: "node, importing nothing", value: times.bare, unit: "ms" });
board.add({ what: "node, importing the package", value: times.importing, unit: "ms" });
board.addAtMost("importing / bare", times.importing / times.bare, 1.25);
const clouds = (loaded ?? []).filter((url) =>
  /node_modules\/(?:@aws-sdk|@smithy|node-vault|axios)\//u.test(url),
);
board.add({ what: "modules loaded", value: loaded?.length ?? 0, unit: "" });
board.add({
  what: "of them, of SDKs of clouds",
  value: clouds.length,
  unit: "",
  goal: "0",
  isMet: clouds.length === 0,
});
board.finish();
rmSync(directory, { recursive: true });
